// The rules by which a kernel can refuse BPF, and which of them are active here.
#pragma once

#include <optional>
#include <string>

namespace aiotrace::probe {

/// The value of kernel.unprivileged_bpf_disabled ("2") and similar; nothing if there is no such setting or it may not
/// be read.
[[nodiscard]] std::optional<std::string> sysctl(const std::string& name);

/// "none", "integrity" or "confidentiality"; nothing if the kernel does not report it.
[[nodiscard]] std::optional<std::string> lockdown_mode();

/// True if a seccomp filter checks this process's system calls (Seccomp: 2 in /proc/self/status).
[[nodiscard]] bool seccomp_filtered();

/// True if this process is in a user namespace of its own: capabilities in it do not count for BPF.
[[nodiscard]] bool in_user_namespace();

/// The rule that refused with this errno, as a phrase with what to do; empty: no known rule does that.
[[nodiscard]] std::string refusing_rule(int error_number);

}  // namespace aiotrace::probe

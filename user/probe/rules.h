// The rules by which a kernel refuses BPF: what of them is in force here.
#pragma once

#include <optional>
#include <string>

namespace aiotrace::probe {

/// "2" of kernel.unprivileged_bpf_disabled and the like; nothing if there is no such setting or it may not be read.
[[nodiscard]] std::optional<std::string> sysctl(const std::string& name);

/// "none", "integrity" or "confidentiality"; nothing if the kernel does not report it.
[[nodiscard]] std::optional<std::string> lockdown_mode();

/// True if a seccomp filter looks at this process's system calls (Seccomp: 2 in /proc/self/status).
[[nodiscard]] bool seccomp_filtered();

/// True if this process is in a user namespace of its own: capabilities in it are worth nothing for BPF.
[[nodiscard]] bool in_user_namespace();

/// Which of them refused with this errno, as a phrase with what to do; empty: none of them is known to.
[[nodiscard]] std::string refusing_rule(int error_number);

}  // namespace aiotrace::probe

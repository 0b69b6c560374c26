#include "probe/rules.h"

#include <sys/stat.h>

#include <cerrno>
#include <fstream>
#include <string_view>

#include "probe/permissions.h"

namespace aiotrace::probe {

namespace {

std::optional<std::string> first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  return line;
}

}  // namespace

std::optional<std::string> sysctl(const std::string& name) { return first_line("/proc/sys/" + name); }

std::optional<std::string> lockdown_mode() {
  const auto line = first_line("/sys/kernel/security/lockdown");
  if (!line) return std::nullopt;
  // "none [integrity] confidentiality": the brackets mark the active one.
  const auto begin = line->find('[');
  const auto end = line->find(']');
  if (begin == std::string::npos || end == std::string::npos || end < begin) return std::nullopt;
  return line->substr(begin + 1, end - begin - 1);
}

bool seccomp_filtered() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line == "Seccomp:\t2") return true;
  }
  return false;
}

bool in_user_namespace() {
  struct stat own{};
  // PROC_USER_INIT_INO, include/linux/proc_ns.h: the initial user namespace has a fixed inode.
  constexpr ino_t kInitialUserNamespace = 0xEFFFFFFD;
  return stat("/proc/self/ns/user", &own) == 0 && own.st_ino != kInitialUserNamespace;
}

std::string refusing_rule(int error_number) {
  if (error_number != EPERM && error_number != EACCES && error_number != ENOSYS) return {};
  // A filter is checked before anything else; a filter that returns ENOSYS hides the call.
  if (error_number == ENOSYS) {
    return seccomp_filtered() ? "a seccomp filter hides this system call: run it outside of the container, or with a "
                                "profile that allows bpf and perf_event_open"
                              : "";
  }
  if (in_user_namespace())
    return "this is a user namespace of its own, where capabilities do not count for BPF: run it on the host";
  if (const auto mode = lockdown_mode(); mode == "confidentiality")
    return "the kernel is locked down (confidentiality), which forbids BPF to read memory: boot with "
           "lockdown=integrity or none";
  if (const auto missing = missing_capabilities(); !missing.empty()) {
    std::string names;
    for (const auto& name : missing) names += (names.empty() ? "" : ", ") + name;
    const auto unprivileged = sysctl("kernel/unprivileged_bpf_disabled");
    return (unprivileged && *unprivileged != "0"
                ? "kernel.unprivileged_bpf_disabled is " + *unprivileged + " and this process lacks " + names
                : "this process lacks " + names) +
           ": " + how_to_get(missing);
  }
  if (seccomp_filtered())
    return "a seccomp filter is in force (a container's): run it outside, or with a profile that allows bpf and "
           "perf_event_open";
  return {};
}

}  // namespace aiotrace::probe

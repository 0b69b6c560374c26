#include "probe/permissions.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <string_view>

#include "probe/rules.h"
#include "util/sudo_command.h"

namespace aiotrace::probe {

namespace {

struct Capability {
  int number;
  std::string_view name;
};

// Purposes: bpf() itself; perf events and tracing programs; other processes' memory; their files by
// /proc/PID/map_files.
constexpr std::array kNeeded = {
    Capability{CAP_BPF, "CAP_BPF"},
    Capability{CAP_PERFMON, "CAP_PERFMON"},
    Capability{CAP_SYS_PTRACE, "CAP_SYS_PTRACE"},
};

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace

std::uint64_t effective_capabilities() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    constexpr std::string_view kKey = "CapEff:\t";
    if (!line.starts_with(kKey)) continue;
    std::uint64_t bits = 0;
    std::from_chars(line.data() + kKey.size(), line.data() + line.size(), bits, 16);
    return bits;
  }
  return 0;
}

std::vector<std::string> missing_capabilities() {
  const std::uint64_t have = effective_capabilities();
  std::vector<std::string> missing;
  if ((have >> CAP_SYS_ADMIN & 1) != 0 && (have >> CAP_SYS_PTRACE & 1) != 0) return missing;
  for (const auto& capability : kNeeded) {
    if ((have >> capability.number & 1) == 0) missing.emplace_back(capability.name);
  }
  return missing;
}

std::string how_to_get(const std::vector<std::string>& capabilities) {
  if (geteuid() != 0) return "run it as root: " + sudo_command();
  std::string options;
  for (const auto& name : capabilities) options += " --cap-add " + name.substr(std::string_view("CAP_").size());
  return "root lacks " + std::string(capabilities.size() == 1 ? "it" : "them") +
         ", as in a container: start that with" + options + ", or with --privileged";
}

Status check_host() {
  if (const auto missing = missing_capabilities(); !missing.empty()) {
    return fail("not permitted to trace", "missing " + joined(missing), how_to_get(missing), ErrorKind::not_permitted);
  }
  if (access("/sys/kernel/btf/vmlinux", R_OK) != 0) {
    return fail("read the kernel's types", "/sys/kernel/btf/vmlinux is not there",
                "aiotrace needs a kernel built with CONFIG_DEBUG_INFO_BTF", ErrorKind::unsupported);
  }
  struct stat own{};
  // PROC_PID_INIT_INO, include/linux/proc_ns.h: the initial pid namespace has a fixed inode.
  constexpr ino_t kInitialPidNamespace = 0xEFFFFFFC;
  if (stat("/proc/self/ns/pid", &own) == 0 && own.st_ino != kInitialPidNamespace) {
    return fail("trace from inside a container", "process ids here are not those of the host",
                "run aiotrace on the host, or in a container with the host's pid namespace (docker run --pid=host)",
                ErrorKind::unsupported);
  }
  return {};
}

std::unexpected<Error> load_error(const std::string& what, int error_number, const std::string& log) {
  const bool denied = error_number == EPERM || error_number == EACCES;
  std::string hint = refusing_rule(error_number);
  if (hint.empty()) hint = log;
  if (denied && hint.empty()) {
    hint = "the kernel refuses this to a process that has every capability for it: a security module's rule";
  }
  return fail_errno(what, error_number, std::move(hint), denied ? ErrorKind::not_permitted : ErrorKind::unsupported);
}

}  // namespace aiotrace::probe

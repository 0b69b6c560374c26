#include "app/probe_setup.h"

#include <sys/resource.h>
#include <sys/utsname.h>

#include <algorithm>

#include "proc/syscalls.h"

namespace aiotrace::app {
namespace {

probe::SyscallWait wait_of(proc::SyscallClass wait_class) {
  switch (wait_class) {
    case proc::SyscallClass::sleep: return probe::SyscallWait::sleep;
    case proc::SyscallClass::file: return probe::SyscallWait::file;
    case proc::SyscallClass::network: return probe::SyscallWait::network;
    case proc::SyscallClass::process: return probe::SyscallWait::process;
    case proc::SyscallClass::futex: return probe::SyscallWait::futex;
    case proc::SyscallClass::fd: return probe::SyscallWait::descriptor;
    case proc::SyscallClass::poll: return probe::SyscallWait::poll;
    case proc::SyscallClass::other: break;
  }
  return probe::SyscallWait::other;
}

}  // namespace

std::vector<probe::Syscall> syscall_waits() {
  std::vector<probe::Syscall> waits;
  for (const auto& syscall : proc::syscalls()) {
    waits.push_back({.number = static_cast<std::uint32_t>(syscall.number),
                     .wait = wait_of(syscall.wait_class),
                     .path_argument = proc::path_argument(syscall.name)});
  }
  return waits;
}

std::string kernel_release() {
  utsname name{};
  return uname(&name) == 0 ? name.release : "";
}

model::Cost own_cost(const probe::Probe& probe) {
  model::Cost cost;
  if (const auto bpf = probe.cost()) {
    cost.bpf_ns = bpf->run_ns;
    cost.runs = bpf->runs;
    cost.measured_ns = bpf->measured_ns;
  }
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    const auto ns = [](const timeval& time) {
      return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_usec) * 1000;
    };
    cost.cpu_ns = ns(usage.ru_utime) + ns(usage.ru_stime);
    cost.rss_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
  }
  return cost;
}

}  // namespace aiotrace::app

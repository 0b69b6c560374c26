#include "app/probe_setup.h"

#include <sys/resource.h>
#include <sys/utsname.h>

#include "proc/syscalls.h"

namespace aiotrace::app {
namespace {

std::uint8_t class_of(proc::Wait wait) {
  switch (wait) {
    case proc::Wait::sleep: return SYSCALL_SLEEP;
    case proc::Wait::file: return SYSCALL_FILE;
    case proc::Wait::network: return SYSCALL_NETWORK;
    case proc::Wait::process: return SYSCALL_PROCESS;
    case proc::Wait::futex: return SYSCALL_FUTEX;
    case proc::Wait::fd: return SYSCALL_FD;
    case proc::Wait::poll: return SYSCALL_POLL;
    case proc::Wait::other: break;
  }
  return SYSCALL_OTHER;
}

}  // namespace

std::array<std::uint16_t, SYSCALL_TABLE_SIZE> wait_classes() {
  std::array<std::uint16_t, SYSCALL_TABLE_SIZE> classes{};
  for (const auto& syscall : proc::syscalls()) {
    const auto number = static_cast<std::size_t>(syscall.number);
    if (number >= classes.size()) continue;
    classes[number] = static_cast<std::uint16_t>(class_of(syscall.wait) | proc::path_argument(syscall.name) << 8);
  }
  return classes;
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

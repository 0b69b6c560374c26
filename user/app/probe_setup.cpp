#include "app/probe_setup.h"

#include <sys/resource.h>
#include <sys/utsname.h>

#include <algorithm>

#include "model/sample_weights.h"
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

// Ignore samples in short iterations: they never become stalls. Otherwise most samples of a busy server are in
// iterations of some milliseconds; with uvicorn they took half of all BPF time. A stall loses at most 10 % of its
// samples.
std::uint64_t young_ns(std::uint64_t warn_ns) { return std::clamp<std::uint64_t>(warn_ns / 10, 1'000'000, 5'000'000); }

// The clock that always runs: two samples in a stall, and the first of them that is late enough starts the fine one. At
// 10 ms it took half a percent of a busy server's throughput.
std::uint64_t coarse_period_ns(std::uint64_t warn_ns) {
  return std::clamp<std::uint64_t>(2 * warn_ns / 5, 1'000'000, 20'000'000);
}

std::uint64_t fine_after_ns(std::uint64_t warn_ns) {
  constexpr auto kNever = ~std::uint64_t{0};
  return coarse_period_ns(warn_ns) > model::kFineSampleNs ? warn_ns / 5 : kNever;
}

}  // namespace

probe::ProbeOptions stall_probe(std::uint64_t warn_ns, bool all, bool follow) {
  probe::ProbeOptions wanted{.warn_ns = warn_ns,
                             .young_ns = young_ns(warn_ns),
                             .sample_period_ns = model::kFineSampleNs,
                             .coarse_period_ns = coarse_period_ns(warn_ns),
                             .fine_after_ns = fine_after_ns(warn_ns),
                             .trace_all = all,
                             .follow = follow,
                             .syscalls = syscall_waits()};
  if (all || follow) {
    wanted.max_processes = 8192;
    wanted.max_threads = 8192;
  }
  return wanted;
}

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

#include "app/stall_probe.h"

#include <algorithm>

#include "app/probe_setup.h"
#include "model/sample_weights.h"

namespace aiotrace::app {

namespace {

// Ignore samples in short iterations: they never become stalls. Otherwise most samples of a busy server are in
// iterations of some milliseconds; with uvicorn they took half of all BPF time. A stall loses at most 10 % of its
// samples.
std::uint64_t young_ns(std::uint64_t warn_ns) { return std::clamp<std::uint64_t>(warn_ns / 10, 1'000'000, 5'000'000); }

// The clock that always runs: a stall gets two samples, and the first sample that is late enough in the iteration
// starts the fine clock. At 10 ms it took half a percent of a busy server's throughput.
std::uint64_t coarse_period_ns(std::uint64_t warn_ns) {
  return std::clamp<std::uint64_t>(2 * warn_ns / 5, 1'000'000, 20'000'000);
}

std::uint64_t fine_after_ns(std::uint64_t warn_ns) {
  constexpr auto kNever = ~std::uint64_t{0};
  return coarse_period_ns(warn_ns) > model::kFineSampleNs ? warn_ns / 5 : kNever;
}

}  // namespace

probe::ProbeOptions stall_probe_options(const StallProbe& wanted) {
  probe::ProbeOptions options{.warn_ns = wanted.warn_ns,
                              .young_ns = young_ns(wanted.warn_ns),
                              .sample_period_ns = model::kFineSampleNs,
                              .coarse_period_ns = coarse_period_ns(wanted.warn_ns),
                              .fine_after_ns = fine_after_ns(wanted.warn_ns),
                              .poll = wanted.poll,
                              .trace_all = wanted.all,
                              .follow = wanted.follow,
                              .load_statistics = wanted.verbose,
                              .syscalls = syscall_waits()};
  if (wanted.all || wanted.follow) {
    options.max_processes = 8192;
    options.max_threads = 8192;
  }
  if (wanted.native) {
    // A sample has about 10 KB then: this is the space for one second of one thread.
    options.ring_bytes = 16u << 20;
    // Shorter waits are common in loops that never stall, and are not worth unwinding.
    options.native_ns = std::max(options.segment_ns, wanted.warn_ns / 20);
  }
  return options;
}

}  // namespace aiotrace::app

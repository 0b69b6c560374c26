// Fine sampling of loop threads: for threads in a long iteration, and for a short time after it.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "model/events.h"
#include "probe/probe.h"

namespace aiotrace::app {

/// A clock of one millisecond costs its thread some percent on a virtual machine, so it runs only while it is useful.
class FineSampling {
 public:
  explicit FineSampling(probe::Probe& probe) : probe_(probe) {}

  /// Must be called for every sample. An error is reported once per thread; the thread then keeps its coarse samples.
  Status on(const model::Sample& sample);
  /// Must be called regularly: stops it for threads without a recent long iteration.
  void stop_idle(std::uint64_t now_ns);
  void forget_thread(std::uint32_t tid) { threads_.erase(tid); }

 private:
  struct Thread {
    std::uint64_t last_ns = 0;
    bool failed = false;
  };
  probe::Probe& probe_;
  std::unordered_map<std::uint32_t, Thread> threads_;  // by tid
};

}  // namespace aiotrace::app

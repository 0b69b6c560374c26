// Which loop threads are sampled finely: those in an iteration that lasts, and for a moment after it.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "model/events.h"
#include "probe/probe.h"

namespace aiotrace::app {

/// A clock of a millisecond costs its thread some percent on a virtual machine; so it runs only while it is of use.
class FineSampling {
 public:
  explicit FineSampling(probe::Probe& probe) : probe_(probe) {}

  /// Every sample is to be shown here. An error is reported once for a thread, which then keeps its coarse samples.
  Status on(const model::Sample& sample);
  /// To be called now and then: ends it for threads that had no long iteration of late.
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

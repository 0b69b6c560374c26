// The cost of the traps of `awaits --exact` for the target, and when it is too high.
#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

#include "model/await_run.h"
#include "probe/step_probe.h"

namespace aiotrace::app {

class TargetCost {
 public:
  /// `max_share`: of a thread's time, in a window of at most a second.
  TargetCost(probe::TrapPrice price, double max_share) : price_(price), max_share_(max_share) {}

  /// Sets the price from here on, mixed with the previous price, because a single measurement can be wrong.
  void reprice(probe::TrapPrice now);
  /// Takes the present counters. True: a thread is over the limit.
  [[nodiscard]] bool look(const std::vector<probe::StepThreadCost>& threads, std::uint64_t now_ns);
  void fill(model::ExactSummary& summary) const;

 private:
  struct Look {
    std::uint64_t at_ns = 0;
    std::unordered_map<std::uint32_t, double> cost_ns;  // by tid
  };
  struct Thread {
    probe::StepThreadCost counted;
    double cost_ns = 0;
  };

  probe::TrapPrice price_;
  double max_share_;
  std::unordered_map<std::uint32_t, Thread> threads_;
  std::deque<Look> looks_;
  double lately_ = 0;
  std::uint64_t entries_ = 0;
  std::uint64_t returns_ = 0;
  double entries_ns_ = 0;
  double returns_ns_ = 0;
  std::uint64_t run_ns_ = 0;
};

}  // namespace aiotrace::app

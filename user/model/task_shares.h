// Decides to which task an iteration's time belongs.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "model/events.h"

namespace aiotrace::model {

/// The tasks reported in one iteration, at most kMaxTasks of them (beyond that the one with the least time is removed),
/// and the time and samples of each.
class TaskShares {
 public:
  static constexpr std::size_t kMaxTasks = 256;

  /// Later events with `has_task` belong to this task.
  void begin(const TaskSeen& task);
  void add_off_cpu(Cause cause, std::uint64_t ns, bool has_task);
  /// A sample that stands for this much CPU time, relative to others.
  void add_sample(std::uint64_t weight_ns, bool has_task);
  /// More time for the last sample.
  void add_before(std::uint64_t weight_ns);
  void clear();

  /// The task with the largest share; samples count for their part of `on_cpu_ns`. Null if no task has any time, or if
  /// more time belongs to no task (a plain callback). Waits for the GIL and for a CPU belong to no work, and do not
  /// count against a task.
  [[nodiscard]] const TaskSeen* largest(std::uint64_t on_cpu_ns) const;

 private:
  struct Share {
    TaskSeen task;
    std::uint64_t off_cpu_ns = 0;
    std::uint64_t sampled_ns = 0;
  };
  static constexpr std::size_t kNone = ~std::size_t{0};

  std::vector<Share> shares_;
  std::size_t current_ = kNone;
  std::size_t sampled_ = kNone;   // the share of the last sample
  std::uint64_t sampled_ns_ = 0;  // time with and without a task
  std::uint64_t no_task_ns_ = 0;
  std::uint64_t no_task_sampled_ns_ = 0;
};

}  // namespace aiotrace::model

// What the threads of processes did over time, for viewers with a time axis.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "model/moments.h"
#include "model/profile.h"

namespace aiotrace::model {

/// At most kMaxMoments stretches and runs of tasks of all threads together (some 30 MB): further ones are only counted.
class Timeline {
 public:
  static constexpr std::size_t kMaxMoments = 200'000;
  explicit Timeline(std::size_t most = kMaxMoments) : most_(most) {}

  /// An interval in which one task ran, or waited outside of its loop's poll, without another task in between.
  struct TaskRun {
    std::uint64_t start_ns = 0;
    std::uint64_t end_ns = 0;
    std::string task;
  };
  struct Thread {
    Moments moments{kMaxMoments};
    std::vector<TaskRun> tasks;  ///< in the order of time, none inside another
  };
  using ThreadId = std::pair<std::uint32_t, std::uint32_t>;  ///< pid, tid

  /// A sample of the row's thread that stands for the `cpu_ns` before it, or a wait from `start_ns` on. Both take
  /// cause, system call, culprit, stack and task from the row, and must be added in the order of the ring buffer.
  void add_sample(const ProfileRow& row, std::uint64_t time_ns, std::uint64_t cpu_ns);
  void add_wait(const ProfileRow& row, std::uint64_t start_ns, std::uint64_t ns);

  [[nodiscard]] const std::map<ThreadId, Thread>& threads() const { return threads_; }
  [[nodiscard]] std::uint64_t over() const { return over_; }  ///< samples and waits that were not kept

 private:
  /// Null: it is full.
  Thread* thread(const ProfileRow& row);
  struct Before {
    std::size_t moments = 0;
    std::uint64_t end_ns = 0;  // of the last one
  };
  static Before before(const Thread& thread);
  /// Intervals that were added since then may have a task.
  void note(Thread& thread, const ProfileRow& row, const Before& before);

  std::size_t most_;
  std::size_t kept_ = 0;
  std::uint64_t over_ = 0;
  std::map<ThreadId, Thread> threads_;
};

}  // namespace aiotrace::model

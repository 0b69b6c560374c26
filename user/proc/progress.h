// Whether the threads of a process have made progress.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "proc/process.h"

namespace aiotrace::proc {

struct SchedTimes {
  std::uint64_t ran_ns = 0;     ///< time on a CPU
  std::uint64_t waited_ns = 0;  ///< time waiting for one
};
/// Times of a thread since its start; nothing if the kernel does not provide them (CONFIG_SCHED_INFO), or the thread
/// has ended.
[[nodiscard]] std::optional<SchedTimes> sched_times(const Process& process, pid_t tid);

/// A second look at a program only adds information if the program ran in between: on a machine with too few CPUs a
/// thread may not run for tens of milliseconds, at any place.
class Progress {
 public:
  /// Threads beyond this number are not checked.
  static constexpr std::size_t kMaxThreads = 256;

  /// Starts now. `process` must outlive this object.
  explicit Progress(const Process& process);

  /// Whether every thread that wants a CPU now has had one since the start. Also true if the kernel does not provide
  /// the data (/proc/PID/task/TID/schedstat: CONFIG_SCHED_INFO).
  [[nodiscard]] bool made() const;

 private:
  const Process& process_;
  std::unordered_map<pid_t, std::uint64_t> ran_ns_;  // by tid
};

/// Finds threads that sleep during the whole observation.
class StoodStill {
 public:
  static constexpr std::size_t kMaxThreads = 8192;

  /// Starts now. `process` must outlive this object.
  explicit StoodStill(const Process& process);

  /// The threads that have not run since the start and sleep now: nobody has woken them. None if the kernel does not
  /// provide the data.
  [[nodiscard]] std::unordered_set<pid_t> threads() const;

 private:
  const Process& process_;
  std::unordered_map<pid_t, std::uint64_t> ran_ns_;  // by tid
};

}  // namespace aiotrace::proc

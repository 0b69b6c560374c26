// Whether the threads of a process have got on.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "proc/process.h"

namespace aiotrace::proc {

struct SchedTimes {
  std::uint64_t ran_ns = 0;     ///< on a CPU
  std::uint64_t waited_ns = 0;  ///< ready to run, waiting for one
};
/// Of a thread, since it began; nothing where the kernel does not say (CONFIG_SCHED_INFO), or it has ended.
[[nodiscard]] std::optional<SchedTimes> sched_times(const Process& process, pid_t tid);

/// Two looks at a program say more than one only if it ran between them: on a machine with too few CPUs a thread can
/// stand still for tens of milliseconds in the middle of anything.
class Progress {
 public:
  /// More threads than this are not asked.
  static constexpr std::size_t kMaxThreads = 256;

  /// From now on. `process` must outlive this object.
  explicit Progress(const Process& process);

  /// Whether every thread that wants a CPU now has had one since. True also where the kernel does not say
  /// (/proc/PID/task/TID/schedstat: CONFIG_SCHED_INFO).
  [[nodiscard]] bool made() const;

 private:
  const Process& process_;
  std::unordered_map<pid_t, std::uint64_t> ran_ns_;  // by tid
};

/// Threads that sleep all the time that is looked at.
class StoodStill {
 public:
  static constexpr std::size_t kMaxThreads = 8192;

  /// From now on. `process` must outlive this object.
  explicit StoodStill(const Process& process);

  /// Those that have not run since, and sleep now: nobody has woken them. None where the kernel does not say.
  [[nodiscard]] std::unordered_set<pid_t> threads() const;

 private:
  const Process& process_;
  std::unordered_map<pid_t, std::uint64_t> ran_ns_;  // by tid
};

}  // namespace aiotrace::proc

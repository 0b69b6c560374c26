// What threads that look at a process beside the watching of stalls have in common.
#pragma once

#include <cstddef>
#include <cstdint>

namespace aiotrace::app {

/// The target's own threads, and ours that take stalls, go first: the calling thread gives up what it does not need to
/// read memory, and some of its priority.
void step_back();

/// How long to pause after a look that took so much CPU time: so that looks take 0.25 % of a CPU at most, not less than
/// `least_ns`, ten minutes at most.
[[nodiscard]] std::uint64_t pause_after(std::uint64_t cpu_ns, std::uint64_t least_ns);

/// How the looks at several processes share the time of one.
struct LookShare {
  std::size_t processes = 1;
  std::size_t position = 0;  ///< of this one among them, from 0 on

  /// What a first look waits for beyond its own time: a fifth process and those behind it come one after the other.
  [[nodiscard]] std::uint64_t first_ns(std::uint64_t step_ns) const;
  /// How long to pause after a look that took so much CPU time.
  [[nodiscard]] std::uint64_t pause_after(std::uint64_t cpu_ns, std::uint64_t least_ns) const;
};

/// 0.25 % as a divisor.
inline constexpr std::uint64_t kShareOfTime = 400;

}  // namespace aiotrace::app

// Common functions of background threads that read a process while stalls are watched.
#pragma once

#include <cstddef>
#include <cstdint>

namespace aiotrace::app {

/// The calling thread gives up the rights that it does not need to read memory.
void keep_rights_to_read();

/// How long to pause after a look that took this much CPU time, so that looks take at most 0.25 % of a CPU: at least
/// `least_ns`, at most ten minutes.
[[nodiscard]] std::uint64_t pause_after(std::uint64_t cpu_ns, std::uint64_t least_ns);

/// How the looks at several processes share the CPU time that one process may have.
struct LookShare {
  std::size_t processes = 1;
  std::size_t position = 0;  ///< index of this process among them

  /// Additional delay before the first look: the fifth and later processes start one after the other.
  [[nodiscard]] std::uint64_t first_ns(std::uint64_t step_ns) const;
  /// How long to pause after a look that took this much CPU time.
  [[nodiscard]] std::uint64_t pause_after(std::uint64_t cpu_ns, std::uint64_t least_ns) const;
};

/// 0.25 % as a divisor.
inline constexpr std::uint64_t kShareOfTime = 400;

}  // namespace aiotrace::app

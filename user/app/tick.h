// How often a run looks at what BPF does not wake it for.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace aiotrace::app {

/// A stall that goes on is noticed within it.
inline constexpr std::uint64_t kTickNs = 50'000'000;

/// The same for a run that is always on: it looks less often at many loops. A look at 100 loops takes some 300 µs.
[[nodiscard]] inline std::uint64_t frugal_tick_ns(std::size_t loops) {
  constexpr std::uint64_t kNsForLoop = 2'000'000;
  constexpr std::uint64_t kMostNs = 250'000'000;
  return std::clamp(loops * kNsForLoop, kTickNs, kMostNs);
}

}  // namespace aiotrace::app

// The clocks, in nanoseconds.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <ctime>

namespace aiotrace {

/// 0 if there is no such clock.
[[nodiscard]] std::uint64_t clock_ns(clockid_t clock);

/// CLOCK_MONOTONIC, which Python's time.monotonic_ns() and bpf_ktime_get_ns() read.
[[nodiscard]] inline std::uint64_t monotonic_ns() { return clock_ns(CLOCK_MONOTONIC); }

/// The value that converts CLOCK_MONOTONIC to CLOCK_REALTIME.
[[nodiscard]] inline std::int64_t realtime_minus_monotonic_ns() {
  return static_cast<std::int64_t>(clock_ns(CLOCK_REALTIME)) - static_cast<std::int64_t>(monotonic_ns());
}

/// Converts a time to wait for ppoll().
[[nodiscard]] timespec to_timespec(std::uint64_t ns);

}  // namespace aiotrace

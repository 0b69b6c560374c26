// What all formats need to know beside the data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace aiotrace::output {

struct OutputContext {
  /// CLOCK_REALTIME minus CLOCK_MONOTONIC.
  std::int64_t realtime_minus_monotonic_ns = 0;
  /// Local time is so much ahead of UTC; nullopt: as this machine has it.
  std::optional<std::int32_t> utc_offset_s = std::nullopt;
  bool color = false;         ///< text: escape sequences are wanted
  bool verbose = false;       ///< text: whole stacks and all places, whatever their length
  bool advice = true;         ///< text: a line below each place says what to do
  std::size_t columns = 100;  ///< text: lines are made to fit

  /// For text in a file: whoever looks at it, and wherever.
  [[nodiscard]] OutputContext plain() const {
    OutputContext same = *this;
    same.color = same.verbose = false;
    same.columns = OutputContext{}.columns;
    return same;
  }
};

/// A CLOCK_MONOTONIC stamp as RFC 3339 in UTC with milliseconds: "2026-11-05T12:03:22.123Z".
[[nodiscard]] std::string utc_time(std::uint64_t monotonic_ns, const OutputContext& context);

/// A CLOCK_MONOTONIC stamp in milliseconds since 1970.
[[nodiscard]] std::int64_t unix_ms(std::uint64_t monotonic_ns, const OutputContext& context);

/// A CLOCK_MONOTONIC stamp as local time of day with milliseconds: "12:03:22.123".
[[nodiscard]] std::string local_time(std::uint64_t monotonic_ns, const OutputContext& context);

}  // namespace aiotrace::output

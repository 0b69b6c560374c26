// Settings that all formats need in addition to the data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace aiotrace::output {

struct OutputContext {
  /// CLOCK_REALTIME minus CLOCK_MONOTONIC.
  std::int64_t realtime_minus_monotonic_ns = 0;
  /// Local time minus UTC; nullopt: the time zone of this machine.
  std::optional<std::int32_t> utc_offset_s = std::nullopt;
  bool color = false;         ///< text: use escape sequences
  bool verbose = false;       ///< text: whole stacks and all places, of any length
  bool advice = true;         ///< text: a line with advice below each place
  std::size_t columns = 100;  ///< text: wrap lines to this width

  /// For text in a file: independent of the reader and the terminal.
  [[nodiscard]] OutputContext plain() const {
    OutputContext same = *this;
    same.color = same.verbose = false;
    same.columns = OutputContext{}.columns;
    return same;
  }
};

/// A CLOCK_MONOTONIC time as RFC 3339 in UTC with milliseconds: "2026-11-05T12:03:22.123Z".
[[nodiscard]] std::string utc_time(std::uint64_t monotonic_ns, const OutputContext& context);

/// A CLOCK_MONOTONIC time in milliseconds since 1970.
[[nodiscard]] std::int64_t unix_ms(std::uint64_t monotonic_ns, const OutputContext& context);

/// A CLOCK_MONOTONIC time as local time of day with milliseconds: "12:03:22.123".
[[nodiscard]] std::string local_time(std::uint64_t monotonic_ns, const OutputContext& context);

}  // namespace aiotrace::output

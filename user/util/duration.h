// Durations in the form that people write and read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "util/result.h"

namespace aiotrace {

/// Three significant digits and a unit, at most 8 columns below 100 hours: "870 ns", "4.25 ms", "213 ms", "12.3 s",
/// "2m 05s", "1h 02m".
[[nodiscard]] std::string format_duration_ns(std::uint64_t ns);

/// Milliseconds with one decimal, from a second on seconds with two: "0.3 ms", "212.6 ms", "1.23 s". For values that
/// are shown next to each other and compared.
[[nodiscard]] std::string format_ms_ns(std::uint64_t ns);

/// "30s", "50ms", "0.5s", "1m", "2h" (also us, µs, ns) as nanoseconds. A number without a unit, a sign, an exponent or
/// more than ~146 years is a usage error whose message explains the allowed forms. Zero is accepted: the caller decides
/// whether it makes sense.
[[nodiscard]] Result<std::uint64_t> parse_duration(std::string_view text);

}  // namespace aiotrace

#include "util/duration.h"

#include <fmt/format.h>

#include <array>
#include <limits>

#include "util/text.h"

namespace aiotrace {
namespace {

constexpr std::uint64_t kMicro = 1000;
constexpr std::uint64_t kMilli = 1000 * kMicro;
constexpr std::uint64_t kSecond = 1000 * kMilli;
constexpr std::uint64_t kMinute = 60 * kSecond;
constexpr std::uint64_t kHour = 60 * kMinute;

// Half of the signed range: a time stamp plus a duration never overflows.
constexpr std::uint64_t kLongest = std::numeric_limits<std::int64_t>::max() / 2;

constexpr std::uint64_t rounded(std::uint64_t value, std::uint64_t step) {
  return value / step + (value % step >= step - step / 2 ? 1 : 0);
}

// Rounds first and chooses the number of decimals from the result, so that 9.996 becomes "10.0" and not "10.00".
std::string three_digits(std::uint64_t ns, std::uint64_t unit, std::string_view name) {
  if (const auto hundredths = rounded(ns, unit / 100); hundredths < 1000) {
    return fmt::format("{}.{:02} {}", hundredths / 100, hundredths % 100, name);
  }
  if (const auto tenths = rounded(ns, unit / 10); tenths < 1000) {
    return fmt::format("{}.{} {}", tenths / 10, tenths % 10, name);
  }
  return fmt::format("{} {}", rounded(ns, unit), name);
}

struct Unit {
  std::string_view name;
  std::uint64_t ns;
};
constexpr std::array<Unit, 8> kUnits{{{"ns", 1},
                                      {"us", kMicro},
                                      {"µs", kMicro},
                                      {"ms", kMilli},
                                      {"s", kSecond},
                                      {"m", kMinute},
                                      {"h", kHour},
                                      {"min", kMinute}}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::unexpected<Error> refuse(std::string_view text, std::string reason) {
  constexpr std::size_t kShown = 40;
  return fail(fmt::format("duration '{}'", shorten_right(clean_for_terminal(text), kShown)), std::move(reason), {},
              ErrorKind::usage);
}

}  // namespace

std::string format_duration_ns(std::uint64_t ns) {
  if (ns < kMicro) return fmt::format("{} ns", ns);
  if (rounded(ns, kMicro) < 1000) return three_digits(ns, kMicro, "µs");
  if (rounded(ns, kMilli) < 1000) return three_digits(ns, kMilli, "ms");
  if (rounded(ns, kSecond / 10) < 600) return three_digits(ns, kSecond, "s");
  if (const auto seconds = rounded(ns, kSecond); seconds < 3600) {
    return fmt::format("{}m {:02}s", seconds / 60, seconds % 60);
  }
  const auto minutes = rounded(ns, kMinute);
  return fmt::format("{}h {:02}m", minutes / 60, minutes % 60);
}

std::string format_ms_ns(std::uint64_t ns) {
  if (const auto tenths = rounded(ns, kMilli / 10); tenths < 10000) {
    return fmt::format("{}.{} ms", tenths / 10, tenths % 10);
  }
  if (ns >= kMinute) return format_duration_ns(ns);
  const auto hundredths = rounded(ns, kSecond / 100);
  return fmt::format("{}.{:02} s", hundredths / 100, hundredths % 100);
}

Result<std::uint64_t> parse_duration(std::string_view text) {
  constexpr int kMaxDecimals = 9;
  std::size_t at = 0;
  unsigned __int128 digits = 0;
  std::size_t whole_digits = 0;
  int decimals = 0;
  for (; at < text.size() && is_digit(text[at]); ++at, ++whole_digits) {
    digits = digits * 10 + static_cast<unsigned>(text[at] - '0');
    if (digits > kLongest) return refuse(text, "too long");
  }
  if (whole_digits == 0) return refuse(text, "not a time, write a number and a unit, e.g. 500ms, 30s");
  if (at < text.size() && text[at] == '.') {
    const auto first = ++at;
    for (; at < text.size() && is_digit(text[at]); ++at) {
      if (decimals == kMaxDecimals) continue;  // below a nanosecond of a second: cut
      digits = digits * 10 + static_cast<unsigned>(text[at] - '0');
      ++decimals;
    }
    if (at == first) return refuse(text, "not a time, write a number and a unit, e.g. 500ms, 30s");
  }
  const auto suffix = text.substr(at);
  if (suffix.empty()) return refuse(text, "add a unit, e.g. 1s, 500ms");
  for (const auto& unit : kUnits) {
    if (unit.name != suffix) continue;
    unsigned __int128 scale = 1;
    for (int i = 0; i < decimals; ++i) scale *= 10;
    // Also keeps the product below within 128 bits: it is less than 2 * scale * kLongest.
    if (digits / scale > kLongest / unit.ns) return refuse(text, "too long");
    return static_cast<std::uint64_t>(digits * unit.ns / scale);
  }
  return refuse(text, "unknown unit, use ms, s, m or h, e.g. 500ms");
}

}  // namespace aiotrace

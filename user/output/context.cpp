#include "output/context.h"

#include <fmt/format.h>

#include <ctime>

namespace aiotrace::output {
namespace {

struct Stamp {
  std::time_t seconds = 0;
  int milliseconds = 0;
};

Stamp stamp_of(std::uint64_t monotonic_ns, const OutputContext& context) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  constexpr std::int64_t kMilli = 1'000'000;
  const auto offset = static_cast<std::uint64_t>(context.realtime_minus_monotonic_ns);
  const auto ns = static_cast<std::int64_t>(monotonic_ns + offset);
  auto seconds = ns / kSecond;
  auto rest = ns % kSecond;
  if (rest < 0) {
    rest += kSecond;
    --seconds;
  }
  return {static_cast<std::time_t>(seconds), static_cast<int>(rest / kMilli)};
}

}  // namespace

std::string utc_time(std::uint64_t monotonic_ns, const OutputContext& context) {
  const auto stamp = stamp_of(monotonic_ns, context);
  std::tm time{};
  ::gmtime_r(&stamp.seconds, &time);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", time.tm_year + 1900, time.tm_mon + 1, time.tm_mday,
                     time.tm_hour, time.tm_min, time.tm_sec, stamp.milliseconds);
}

std::int64_t unix_ms(std::uint64_t monotonic_ns, const OutputContext& context) {
  constexpr std::int64_t kMillis = 1000;
  const auto stamp = stamp_of(monotonic_ns, context);
  return static_cast<std::int64_t>(stamp.seconds) * kMillis + stamp.milliseconds;
}

std::string local_time(std::uint64_t monotonic_ns, const OutputContext& context) {
  const auto stamp = stamp_of(monotonic_ns, context);
  std::tm time{};
  const auto shifted = stamp.seconds + context.utc_offset_s.value_or(0);
  if (context.utc_offset_s) {
    ::gmtime_r(&shifted, &time);
  } else {
    ::localtime_r(&stamp.seconds, &time);
  }
  return fmt::format("{:02}:{:02}:{:02}.{:03}", time.tm_hour, time.tm_min, time.tm_sec, stamp.milliseconds);
}

}  // namespace aiotrace::output

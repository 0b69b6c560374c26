#include "util/clock.h"

namespace aiotrace {

namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;

}  // namespace

std::uint64_t clock_ns(clockid_t clock) {
  timespec now{};
  if (::clock_gettime(clock, &now) != 0) return 0;
  return static_cast<std::uint64_t>(now.tv_sec) * kSecondNs + static_cast<std::uint64_t>(now.tv_nsec);
}

timespec to_timespec(std::uint64_t ns) {
  return {.tv_sec = static_cast<time_t>(ns / kSecondNs), .tv_nsec = static_cast<long>(ns % kSecondNs)};
}

}  // namespace aiotrace

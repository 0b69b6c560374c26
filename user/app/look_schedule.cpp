#include "app/look_schedule.h"

#include <algorithm>

namespace aiotrace::app {

namespace {

// After a process starts, its Python and then its asyncio become ready within some tens of milliseconds: check often
// during that time, so that the first stall has its frames. Afterwards check rarely.
constexpr std::uint64_t kStartupNs = 3'000'000'000;
constexpr std::uint64_t kStartupLookNs = 2'000'000;
constexpr std::uint64_t kLookNs = 200'000'000;
constexpr std::uint64_t kMaxLookNs = 10'000'000'000;

}  // namespace

void LookSchedule::looked(std::uint64_t now_ns) {
  if (first_ns_ == 0) first_ns_ = now_ns;
  starting_ = starting_ && now_ns - first_ns_ < kStartupNs;
  interval_ns_ = starting_ ? kStartupLookNs : std::clamp(interval_ns_ * 2, kLookNs, kMaxLookNs);
  next_ns_ = now_ns + interval_ns_;
}

}  // namespace aiotrace::app

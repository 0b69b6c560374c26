// How often a process is looked at whose Python was not ready.
#include <cstdint>
#include <vector>

#include "app/background.h"
#include "app/look_schedule.h"
#include "tests/catch.h"

using namespace aiotrace;

namespace {

constexpr std::uint64_t kMs = 1'000'000;

// Looks at it whenever it is due: the time to the next look after each.
std::vector<std::uint64_t> intervals(app::LookSchedule& schedule, std::uint64_t now_ns, std::size_t looks) {
  std::vector<std::uint64_t> intervals;
  while (intervals.size() < looks) {
    schedule.looked(now_ns);
    intervals.push_back(schedule.next_ns() - now_ns);
    now_ns = schedule.next_ns();
  }
  return intervals;
}

}  // namespace

TEST_CASE("a process is looked at again at doubling intervals, up to 10 s", "[app]") {
  app::LookSchedule schedule;
  CHECK(schedule.next_ns() == 0);  // at once
  CHECK(intervals(schedule, 77 * kMs, 8) == std::vector<std::uint64_t>{200 * kMs, 400 * kMs, 800 * kMs, 1600 * kMs,
                                                                       3200 * kMs, 6400 * kMs, 10'000 * kMs,
                                                                       10'000 * kMs});
}

TEST_CASE("a process that starts is looked at every 2 ms for 3 s", "[app]") {
  app::LookSchedule schedule;
  schedule.start();
  CHECK(schedule.starting());
  CHECK(intervals(schedule, 77 * kMs, 1500) == std::vector<std::uint64_t>(1500, 2 * kMs));
  CHECK(schedule.starting());
  CHECK(intervals(schedule, schedule.next_ns(), 2) == std::vector<std::uint64_t>{200 * kMs, 400 * kMs});
  CHECK_FALSE(schedule.starting());
  schedule.start();  // exec
  CHECK(schedule.next_ns() == 0);
  CHECK(intervals(schedule, 9'000 * kMs, 1) == std::vector<std::uint64_t>{2 * kMs});
}

TEST_CASE("looks at many processes take the time of looks at one, and the first ones do not come at once", "[app]") {
  constexpr std::uint64_t kSecond = 1'000 * kMs;
  const app::LookShare alone;
  CHECK(alone.first_ns(kSecond) == 0);
  CHECK(alone.pause_after(10 * kMs, kSecond) == 4 * kSecond);
  const app::LookShare fourth{.processes = 10, .position = 3};
  CHECK(fourth.first_ns(kSecond) == 0);
  const app::LookShare sixth{.processes = 10, .position = 5};
  CHECK(sixth.first_ns(kSecond) == 2 * kSecond);
  CHECK(sixth.pause_after(10 * kMs, kSecond) == 40 * kSecond);
  CHECK(sixth.pause_after(kMs / 10, kSecond) == kSecond);
  CHECK(sixth.pause_after(100 * kSecond, kSecond) == 600 * kSecond);
}

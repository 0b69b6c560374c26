// Age, growth and order of leaks.
#include "model/leaks.h"
#include "tests/catch.h"

using namespace aiotrace::model;

namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

LeakSeen seen(std::uint64_t address, std::uint64_t fingerprint = 1, std::uint64_t place = 7,
              LeakClass leak_class = LeakClass::never_awaited) {
  return {.leak_class = leak_class, .address = address, .fingerprint = fingerprint, .bytes = 100, .place = place};
}

std::vector<Leak> rows(const LeakTracker& tracker) {
  return tracker.leaks([](std::uint64_t place) { return LeakPlace{.coroutine = std::to_string(place)}; });
}

}  // namespace

TEST_CASE("leaks: seen once there is no age, and no leak", "[leaks]") {
  for (const std::uint64_t age : {std::uint64_t{0}, 60 * kSecond}) {
    LeakTracker tracker(age);
    tracker.look(5 * kSecond, {seen(1), seen(2)});
    const auto found = rows(tracker);
    REQUIRE(found.size() == 1);
    CHECK(!found[0].leak);
    CHECK(!found[0].age_ns);
    CHECK(!found[0].growth_per_minute);
    CHECK(found[0].count == 2);
    CHECK(found[0].bytes == 200);
    CHECK(found[0].place.coroutine == "7");
  }
}

TEST_CASE("leaks: older than --age is a leak, younger a candidate, in rows apart", "[leaks]") {
  LeakTracker tracker(60 * kSecond);
  tracker.look(0, {seen(1), seen(2)});
  tracker.look(30 * kSecond, {seen(1), seen(2), seen(3)});
  CHECK(rows(tracker).size() == 1);
  CHECK(rows(tracker)[0].age_ns == 30 * kSecond);
  tracker.look(60 * kSecond, {seen(1), seen(3)});
  const auto found = rows(tracker);
  REQUIRE(found.size() == 2);
  CHECK(found[0].leak);
  CHECK(found[0].count == 1);
  CHECK(found[0].age_ns == 60 * kSecond);
  CHECK(!found[1].leak);
  CHECK(found[1].count == 1);
  CHECK(found[1].age_ns == 30 * kSecond);
}

TEST_CASE("leaks: another one at the same address is young again", "[leaks]") {
  LeakTracker tracker(10 * kSecond);
  tracker.look(0, {seen(1, 1), seen(2), seen(3)});
  CHECK(tracker.known(seen(1, 1)));
  CHECK(!tracker.known(seen(1, 2)));
  CHECK(!tracker.known(seen(1, 1, 7, LeakClass::stuck)));
  tracker.forget(2);
  tracker.look(10 * kSecond, {seen(1, 2), seen(2), seen(3)});
  const auto found = rows(tracker);
  REQUIRE(found.size() == 2);
  CHECK(found[0].leak);
  CHECK(found[0].count == 1);  // the third
  CHECK(found[1].count == 2);
  // An object that is missing in one look counts as gone.
  tracker.look(20 * kSecond, {});
  CHECK(rows(tracker).empty());
  tracker.look(30 * kSecond, {seen(3)});
  CHECK(!rows(tracker)[0].leak);
}

TEST_CASE("leaks: what waits by its nature stays a candidate", "[leaks]") {
  LeakTracker tracker(kSecond);
  auto idle = seen(1, 1, 7, LeakClass::stuck);
  idle.idle = true;
  tracker.look(0, {idle});
  tracker.look(100 * kSecond, {idle});
  REQUIRE(rows(tracker).size() == 1);
  CHECK(!rows(tracker)[0].leak);
  CHECK(rows(tracker)[0].idle);
}

TEST_CASE("leaks: what grows in every look comes first", "[leaks]") {
  LeakTracker tracker(kSecond);
  std::vector<LeakSeen> now;
  for (std::uint64_t i = 0; i < 100; ++i) now.push_back(seen(i, 1, 1));
  for (std::uint64_t look = 0; look < 4; ++look) {
    now.push_back(seen(1000 + look, 1, 2));
    tracker.look(look * 30 * kSecond, now);
  }
  tracker.dropped({{.coroutine = "dropped", .line = 3}});
  const auto found = rows(tracker);
  REQUIRE(found.size() == 4);
  CHECK(found[0].place.coroutine == "2");
  CHECK(found[0].growing);
  CHECK(found[0].growth_per_minute == 2.0);
  CHECK(found[1].place.coroutine == "2");
  CHECK(found[2].place.coroutine == "1");
  CHECK(!found[2].growing);
  CHECK(found[2].growth_per_minute == 0.0);
  CHECK(found[3].leak_class == LeakClass::dropped);
  CHECK(found[3].leak);
  CHECK(!found[3].count);
}

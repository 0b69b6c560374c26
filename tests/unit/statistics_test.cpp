#include "model/statistics.h"

#include <array>
#include <numeric>
#include <random>

#include "model/cause.h"
#include "tests/catch.h"

using namespace aiotrace::model;

namespace {

constexpr std::uint64_t kMs = 1'000'000;

Frame python(const std::string& function, const std::string& file, std::uint32_t line) {
  return {Frame::Kind::python, function, file, line};
}

Segment segment(Cause cause, std::uint64_t ns, const std::string& syscall, std::optional<Stack> stack) {
  Segment made;
  made.cause = cause;
  made.ns = ns;
  made.syscall = syscall;
  made.stack = std::move(stack);
  return made;
}

Stall stall_of(std::vector<Segment> segments, const std::string& coroutine = "handle") {
  Stall stall;
  stall.segments = std::move(segments);
  for (const auto& one : stall.segments) {
    stall.cause_ns[index(one.cause)] += one.ns;
    stall.duration_ns += one.ns;
  }
  stall.error = stall.duration_ns >= 200 * kMs;
  stall.task = Task{std::nullopt, coroutine, "", 0};
  return stall;
}

}  // namespace

TEST_CASE("without Python it is the innermost native one that is not the C library's", "[model]") {
  const Frame clock{Frame::Kind::native, "__clock_nanosleep", "libc.so.6", 0};
  const Frame nameless{Frame::Kind::native, "", "app", 0};
  const Frame work{Frame::Kind::native, "work", "app", 0};
  CHECK(native_frame({clock, nameless, work})->function == "work");
  CHECK(native_frame({clock})->function == "__clock_nanosleep");
  CHECK(native_frame({nameless}) == nullptr);
  CHECK(native_frame({work, python("main", "app/a.py", 3)}) == nullptr);
  CHECK(native_frame({}) == nullptr);
}

TEST_CASE("stalls add up by cause and place", "[model]") {
  Statistics statistics;
  const Stack fetch{python("fetch", "app/a.py", 9)};
  statistics.add(stall_of({segment(Cause::network, 100 * kMs, "recvfrom", fetch),
                           segment(Cause::network, 20 * kMs, "recvfrom", Stack{fetch[0], python("x", "b.py", 1)}),
                           segment(Cause::python, 5 * kMs, "", std::nullopt)}));
  statistics.add(stall_of({segment(Cause::network, 200 * kMs, "recvfrom", fetch)}));
  statistics.add(stall_of({segment(Cause::network, 60 * kMs, "sendto", fetch)}, "other"));
  CHECK(statistics.stalls() == 3);
  CHECK(statistics.errors() == 1);
  CHECK(statistics.stalls_of(0, 0) == 3);
  CHECK(statistics.stalls_of(0, 1) == 0);
  CHECK(statistics.cause_ns()[index(Cause::network)] == 380 * kMs);
  const auto places = statistics.places();
  REQUIRE(places.size() == 2);
  CHECK(places[0].cause == Cause::network);
  CHECK(places[0].syscall == "recvfrom");
  CHECK(places[0].function == "fetch");
  CHECK(places[0].file == "app/a.py");
  CHECK(places[0].line == 9);
  CHECK(places[0].coroutine.empty());
  CHECK(places[0].ns == 380 * kMs);
  CHECK(places[0].cause_ns[index(Cause::network)] == 380 * kMs);
  CHECK(places[0].stalls == 3);
  CHECK(places[0].max_ns == 200 * kMs);
  CHECK(places[1].function.empty());
}

TEST_CASE("what a line with a wait takes besides belongs to its place, waits for a CPU do not", "[model]") {
  Statistics statistics;
  const Stack fetch{python("fetch", "a.py", 9)};
  statistics.add(
      stall_of({segment(Cause::python, 30 * kMs, "", fetch), segment(Cause::network, 100 * kMs, "recvfrom", fetch),
                segment(Cause::gil, 20 * kMs, "futex", fetch), segment(Cause::cpu_wait, 40 * kMs, "", fetch),
                segment(Cause::python, 5 * kMs, "", Stack{python("fetch", "a.py", 12)})}));
  const auto places = statistics.places();
  REQUIRE(places.size() == 3);
  CHECK(places[0].cause == Cause::network);
  CHECK(places[0].syscall == "recvfrom");
  CHECK(places[0].line == 9);
  CHECK(places[0].ns == 150 * kMs);
  CHECK(places[0].max_ns == 150 * kMs);
  CHECK(places[0].stalls == 1);
  CHECK(places[0].cause_ns[index(Cause::python)] == 30 * kMs);
  CHECK(places[0].cause_ns[index(Cause::gil)] == 20 * kMs);
  CHECK(places[1].cause == Cause::cpu_wait);
  CHECK(places[1].ns == 40 * kMs);
  CHECK(places[2].cause == Cause::python);
  CHECK(places[2].line == 12);
}

TEST_CASE("the same line in two programs is two places", "[model]") {
  Statistics statistics;
  for (const auto* comm : {"api", "worker"}) {
    auto stall = stall_of({segment(Cause::sleep, kMs, "", Stack{python("f", "a.py", 4)})});
    stall.comm = comm;
    statistics.add(stall);
  }
  const auto places = statistics.places();
  REQUIRE(places.size() == 2);
  CHECK(places[0].comm == "api");
  CHECK(places[1].comm == "worker");
}

TEST_CASE("a CPU-bound function is one place with its hottest line, a blocking one a place for each line", "[model]") {
  Statistics statistics;
  for (const auto cause : {Cause::python, Cause::sleep}) {
    statistics.add(stall_of({segment(cause, 10 * kMs, "", Stack{python("f", "a.py", 4)}),
                             segment(cause, 30 * kMs, "", Stack{python("f", "a.py", 5)})}));
  }
  const auto places = statistics.places();
  REQUIRE(places.size() == 3);
  CHECK(places[0].cause == Cause::python);
  CHECK(places[0].ns == 40 * kMs);
  CHECK(places[0].line == 5);
  CHECK(places[0].stalls == 1);
  CHECK(places[1].ns == 30 * kMs);
  CHECK(places[1].line == 5);
  CHECK(places[2].line == 4);
}

TEST_CASE("a place that several coroutines reach names none", "[model]") {
  Statistics statistics;
  const Stack f{python("f", "a.py", 4)};
  statistics.add(stall_of({segment(Cause::sleep, kMs, "", f)}, "a"));
  statistics.add(stall_of({segment(Cause::sleep, kMs, "", f)}, "b"));
  CHECK(statistics.places().at(0).coroutine.empty());
}

TEST_CASE("places beyond the limit are one", "[model]") {
  Statistics statistics;
  for (std::uint32_t i = 1; i <= 5; ++i) {
    statistics.add(stall_of({segment(Cause::sleep, i * kMs, "", Stack{python("f", "a.py", i)})}));
  }
  const auto places = statistics.places(2);
  REQUIRE(places.size() == 3);
  CHECK(places[0].line == 5);
  CHECK(places[1].line == 4);
  CHECK(places[2].others);
  CHECK(places[2].cause == Cause::sleep);
  CHECK(places[2].ns == 6 * kMs);
  CHECK(places[2].stalls == 3);
  CHECK(places[2].max_ns == 3 * kMs);
}

TEST_CASE("causes and places add up to the stalls, also past the bound", "[model]") {
  std::mt19937_64 random(6);
  Statistics statistics;
  std::uint64_t total = 0;
  for (int round = 0; round < 30'000; ++round) {
    std::vector<Segment> segments;
    for (auto n = 1 + random() % 3; n > 0; --n) {
      segments.push_back(segment(static_cast<Cause>(random() % kCauses), 1 + random() % (100 * kMs), "",
                                 Stack{python("f" + std::to_string(random() % 20'000), "a.py", 1)}));
    }
    const auto stall = stall_of(std::move(segments));
    total += stall.duration_ns;
    statistics.add(stall);
  }
  const auto& causes = statistics.cause_ns();
  CHECK(std::accumulate(causes.begin(), causes.end(), std::uint64_t{0}) == total);
  const auto places = statistics.places();
  std::array<std::uint64_t, kCauses> by_place{};
  for (const auto& place : places) {
    CHECK(std::accumulate(place.cause_ns.begin(), place.cause_ns.end(), std::uint64_t{0}) == place.ns);
    for (std::size_t i = 0; i < kCauses; ++i) by_place.at(i) += place.cause_ns.at(i);
  }
  CHECK(by_place == causes);
  CHECK(places.size() <= Statistics::kMaxPlaces + 1);
}

TEST_CASE("a loop's row has its percentiles", "[model]") {
  std::array<std::uint32_t, kHistogramBuckets> buckets{};
  buckets[histogram_bucket(1'024)] = 98;
  buckets[histogram_bucket(1 << 20)] = 2;
  const auto row = summarize_loop(1, 2, {.iterations = 100, .busy_ns = 77, .max_ns = 1'100'000, .buckets = buckets});
  CHECK(row.pid == 1);
  CHECK(row.tid == 2);
  CHECK(row.iterations == 100);
  CHECK(row.busy_ns == 77);
  CHECK(row.p50_ns == 1'089);
  CHECK(row.p99_ns > 1 << 20);
  CHECK(row.p99_ns < 1'100'000);
  CHECK(row.max_ns == 1'100'000);
}

#include "model/cause.h"

#include <array>
#include <set>
#include <string_view>

#include "model/losses.h"
#include "tests/catch.h"

using namespace aiotrace::model;

TEST_CASE("causes have the names of the JSON, both ways", "[model]") {
  CHECK(name(Cause::python) == "python");
  CHECK(name(Cause::network) == "network");
  CHECK(name(Cause::cpu_wait) == "cpu-wait");
  CHECK(name(Cause::throttled) == "throttled");
  CHECK(name(Cause::unknown) == "unknown");
  CHECK(name(static_cast<Cause>(kCauses)) == "?");
  for (std::size_t i = 0; i < kCauses; ++i) {
    const auto cause = static_cast<Cause>(i);
    CHECK(cause_from_name(name(cause)) == cause);
    CHECK(on_cpu(cause) == (i < 4));
  }
  CHECK_FALSE(cause_from_name("cpu_wait").has_value());
  CHECK_FALSE(cause_from_name("?").has_value());
  CHECK_FALSE(cause_from_name("").has_value());
}

TEST_CASE("recordings have causes by number", "[model]") {
  // The values in an old recording must keep their meaning.
  const std::array<std::string_view, 16> numbers{"python",  "native",   "gc",        "kernel",  "gil",   "lock",
                                                 "sleep",   "file",     "network",   "process", "fault", "other",
                                                 "stopped", "cpu-wait", "throttled", "unknown"};
  REQUIRE(kCauses >= numbers.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) CHECK(name(static_cast<Cause>(i)) == numbers.at(i));
}

TEST_CASE("each cause is in one group", "[model]") {
  for (std::size_t i = 0; i < kCauses; ++i) {
    const auto cause = static_cast<Cause>(i);
    CHECK(on_cpu(cause) + blocked(cause) + runnable(cause) + (cause == Cause::unknown) == 1);
  }
  CHECK(blocked(Cause::gil));
  CHECK(blocked(Cause::stopped));
  CHECK(runnable(Cause::throttled));
  CHECK_FALSE(own_wait(Cause::gil));
  CHECK(own_wait(Cause::other));
  CHECK_FALSE(own_wait(Cause::unknown));
  CHECK_FALSE(own_wait(Cause::python));
  CHECK_FALSE(blocked(static_cast<Cause>(kCauses)));
}

TEST_CASE("every loss has a name of its own", "[model]") {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kLosses; ++i) names.insert(name(static_cast<Loss>(i)));
  CHECK(names.size() == kLosses);
  CHECK(name(Loss::ring_full) == "ring-full");
  CHECK(name(Loss::seen_full) == "seen-full");
  CHECK(name(Loss::bad_record) == "bad-record");
  CHECK(name(Loss::iteration_incomplete) == "iteration-incomplete");
  CHECK(name(Loss::stack_missing) == "stack-missing");
  CHECK(static_cast<std::size_t>(Loss::bad_record) == kKernelLosses);
}

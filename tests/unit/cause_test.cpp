#include "model/cause.h"

#include <set>

#include "model/losses.h"
#include "tests/catch.h"

using namespace aiotrace::model;

TEST_CASE("causes have the names of the JSON, both ways", "[model]") {
  CHECK(name(Cause::python) == "python");
  CHECK(name(Cause::network) == "network");
  CHECK(name(Cause::cpu_wait) == "cpu-wait");
  CHECK(name(Cause::throttled) == "throttled");
  CHECK(name(static_cast<Cause>(15)) == "unknown");
  for (std::size_t i = 0; i < kCauses; ++i) {
    const auto cause = static_cast<Cause>(i);
    CHECK(cause_from_name(name(cause)) == cause);
    CHECK(on_cpu(cause) == (i < 4));
  }
  CHECK_FALSE(cause_from_name("cpu_wait").has_value());
  CHECK_FALSE(cause_from_name("").has_value());
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

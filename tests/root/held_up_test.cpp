// The callbacks and timers that a stall delays, compared with those that the program put into its loop's queues.
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "tests/catch.h"
#include "tests/support/match.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {
namespace {

// The stall that the record is of: it begins shortly before.
const Json* stall_of_record(const std::vector<Json>& lines, const Json& record) {
  const auto found = std::ranges::find_if(lines, [&](const Json& line) {
    if (line["type"] != "stall" || line["ongoing"] == true) return false;
    const auto start = line["start_ns"].get<std::uint64_t>();
    const auto end = start + line["duration_ns"].get<std::uint64_t>();
    return start <= record["start_ns"].get<std::uint64_t>() && end >= record["end_ns"].get<std::uint64_t>();
  });
  return found == lines.end() ? nullptr : &*found;
}

void check_held_up(Target& target) {
  const auto run = trace(target);
  CHECK(form_complaints(run.lines) == std::vector<std::string>{});
  REQUIRE(run.records.size() == 5);
  for (const auto& record : run.records) {
    const Json* stall = stall_of_record(run.lines, record);
    INFO(record.dump());
    REQUIRE(stall != nullptr);
    const Json& held = (*stall)["held_up"];
    INFO(held.dump());
    REQUIRE(held.is_object());
    // A loop may have one or two callbacks of its own.
    const auto ready = record["tasks"].get<double>();
    CHECK(std::abs(held["tasks"].get<double>() - ready) <= std::max(2.0, 0.01 * ready));
    CHECK(held["timers"].is_null() == record["timers"].is_null());
    if (held["timers"].is_null()) continue;
    if (held["timers_at_least"] == true) {
      CHECK(held["timers"] < record["timers"]);
      CHECK(held["timers"] > 0);
    } else {
      CHECK(held["timers"] == record["timers"]);
    }
    // After the end of the stall on the program's clock the loop still runs its callbacks.
    const auto rest_ns = (*stall)["start_ns"].get<double>() + (*stall)["duration_ns"].get<double>() -
                         record["end_ns"].get<double>();
    const auto late = record["timers"] == 0 ? 0 : record["timers_late_ns"].get<double>() + rest_ns;
    CHECK(std::abs(held["timers_late_ns"].get<double>() - late) <= 1e6);
  }
}

FOR_EACH_PYTHON(held_up, "a stall holds up as many tasks and timers as the program says", "[held-up]") {
  if (python.command.empty()) AIOTRACE_SKIP("no Python " + python.version + ": " + python.origin);
  Target target(python, "held_up.py");
  check_held_up(target);
}

AIOTRACE_TEST_CASES(held_up_uvloop) {
  for (const auto& python : few_environments()) {
    add_test_case("a stall of uvloop holds up as many tasks as the program says, Python " + python.title(), "[held-up]",
                  [&] {
                    if (python.command.empty())
                      AIOTRACE_SKIP("an environment of Python " + python.version + ": " + python.origin);
                    Target target(python, "held_up.py", {"--loop", "uvloop"});
                    check_held_up(target);
                  });
  }
}

}  // namespace
}  // namespace aiotrace::testing

// Stalls that began before the attach: the time that aiotrace did not see is unknown.
#include <signal.h>
#include <time.h>

#include <algorithm>

#include "tests/catch.h"
#include "tests/support/match.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {
namespace {

constexpr double kMs = 1e6;

double number(const Json& object, const char* name) { return object.at(name).get<double>(); }

double now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return 1e9 * static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec);
}

struct SeenLate {
  Json record;
  Json stall;
  Json summary;
  double began_ns = 0;     ///< aiotrace was started
  double watching_ns = 0;  ///< and watched
};

SeenLate see_late(const Python& python, const std::string& first, const std::string& second) {
  SeenLate seen;
  Target target(python, "before.py", {"--first", first, "--second", second});
  target.wait_ready();
  target.go();
  REQUIRE(target.line() == "second");
  seen.began_ns = now_ns();
  Tracer tracer({"-p", std::to_string(target.pid())});
  tracer.wait_watching();
  seen.watching_ns = now_ns();
  // The part that was seen is reported: a report during the stall comes after --error.
  (void)tracer.wait_line([&](const Json& line) { return line["type"] == "stall" && cause_ns(line, second) > 0; });
  target.process().signal(SIGUSR1);
  CHECK(tracer.wait() == 0);
  CHECK(schema_complaints(tracer.lines()) == std::vector<std::string>{});
  const auto lines = tracer.lines();
  seen.record = target.records().at(0);
  seen.summary = lines.back();
  const auto ended = std::ranges::find_if(lines, [](const Json& line) {
    return line["type"] == "stall" && line["ongoing"] == false;
  });
  REQUIRE(ended != lines.end());
  seen.stall = *ended;
  return seen;
}

void check_figures(const SeenLate& seen) {
  const double unknown = cause_ns(seen.stall, "unknown");
  const auto* segment = segment_of(seen.stall, "unknown");
  REQUIRE(segment != nullptr);
  CHECK((*segment)["ns"] == unknown);
  CHECK((*segment)["stack"].is_null());
  CHECK((*segment)["syscall"].is_null());
  CHECK(seen.stall["start_known"] == true);
  CHECK(seen.summary["causes"]["unknown"] == unknown);
  const auto& places = seen.summary["places"];
  const auto place = std::ranges::find_if(places, [](const Json& one) { return one["cause"] == "unknown"; });
  REQUIRE(place != places.end());
  CHECK((*place)["ns"] == unknown);
  CHECK((*place)["advice"].is_null());
  const auto& loop = seen.summary["loops"].at(0);
  CHECK(loop["max_ns"] == seen.stall["duration_ns"]);
  CHECK(loop["busy_ns"] <= seen.summary["elapsed_ns"]);
  CHECK(number(loop, "busy_ns") >= number(seen.record, "end_ns") - seen.watching_ns);
}

void check_found_computing(const Python& python) {
  const auto seen = see_late(python, "sleep", "python");
  INFO(seen.record.dump());
  INFO(seen.stall.dump());
  check_figures(seen);
  const double seen_from = number(seen.stall, "start_ns") + cause_ns(seen.stall, "unknown");
  CHECK(seen_from >= seen.began_ns);
  CHECK(seen_from <= seen.watching_ns);
  CHECK(cause_ns(seen.stall, "sleep") == 0);
}

// The scheduler knows since when the thread waits.
void check_found_waiting(const Python& python) {
  const auto seen = see_late(python, "python", "sleep");
  INFO(seen.record.dump());
  INFO(seen.stall.dump());
  check_figures(seen);
  const double second = number(seen.record, "second_ns");
  const double known_from = number(seen.stall, "start_ns") + cause_ns(seen.stall, "unknown");
  CHECK(known_from >= second - kMs);
  // Long before it was found so.
  CHECK(known_from < (second + seen.watching_ns) / 2);
  const double slept = number(seen.record, "end_ns") - known_from;
  CHECK(cause_ns(seen.stall, "sleep") + cause_ns(seen.stall, "cpu-wait") >= 0.95 * slept);
  CHECK(cause_ns(seen.stall, "sleep") <= slept);
}

FOR_FEW_PYTHONS(found_computing, "found computing after a sleep: the sleep is unknown, not what came after", "[hang]") {
  check_found_computing(python);
}

// No poll of it is seen before its stall ends.
FOR_FEW_PYTHONS(found_by_all, "found waiting by -a: the stall that goes on has its task and its line", "[hang]") {
  Target target(python, "before.py", {"--first", "python", "--second", "sleep"});
  target.wait_ready();
  target.go();
  REQUIRE(target.line() == "second");
  Tracer tracer({"-a"});
  tracer.wait_watching();
  const auto stall = tracer.wait_line([&](const Json& line) {
    return line["type"] == "stall" && line["pid"] == target.pid() && cause_ns(line, "sleep") > 0;
  });
  INFO(stall.dump());
  CHECK(stall["ongoing"] == true);
  CHECK(stall["loop"]["kind"] == "asyncio");
  CHECK_FALSE(stall["task"].is_null());
  const auto* segment = segment_of(stall, "sleep");
  REQUIRE(segment != nullptr);
  CHECK((*segment)["stack"][0]["file"].get<std::string>().ends_with("/before.py"));
  target.process().signal(SIGUSR1);
  CHECK(target.process().wait() == 0);
  tracer.process().signal(SIGINT);
  CHECK(tracer.wait() == 0);
}

FOR_FEW_PYTHONS(found_waiting, "found waiting: since when the scheduler knows, what was before is unknown", "[hang]") {
  check_found_waiting(python);
}

}  // namespace
}  // namespace aiotrace::testing

// Loops that hang: reported while they do, with what they wait for now; also when they did before aiotrace came.
#include <signal.h>
#include <time.h>

#include <algorithm>

#include "tests/catch.h"
#include "tests/support/match.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {
namespace {

bool is_ongoing(const Json& line) { return line["type"] == "stall" && line["ongoing"] == true; }

void check_culprit(const Json& record, const Json& stall) {
  const auto* segment = segment_of(stall, record["expected_cause"]);
  REQUIRE(segment != nullptr);
  INFO("segment " << segment->dump());
  check_stack(record, (*segment)["stack"]);
  if (record["culprit"].is_null()) return;
  const auto& culprit = (*segment)["culprit"];
  REQUIRE(culprit.is_object());
  for (const auto& [name, value] : record["culprit"].items()) CHECK(culprit.value(name, Json()) == value);
  if (!record.contains("holder")) return;
  REQUIRE(culprit["stack"].is_array());
  CHECK(
      std::ranges::any_of(culprit["stack"], [&](const Json& frame) { return frame["function"] == record["holder"]; }));
}

void check_others(const Json& record, const Json& stall) {
  for (const auto& [name, function] : record["others"].items()) {
    REQUIRE(stall["other_threads"].is_array());
    const auto found = std::ranges::find_if(stall["other_threads"], [&, &thread = name](const Json& other) {
      return other["thread"] == thread;
    });
    REQUIRE(found != stall["other_threads"].end());
    const std::string innermost = (*found)["stack"][0]["function"];
    CHECK(innermost.ends_with(function.get<std::string>()));
  }
}

void check_hang(const Json& record, const Json& stall) {
  const std::string cause = record["expected_cause"];
  INFO(record.dump());
  INFO(stall.dump());
  CHECK(stall["level"] == "error");
  CHECK(stall["thread"] == "MainThread");
  CHECK(stall["task"]["coroutine"] == "hang");
  // What it prepared, and its last sleep before it waits for the GIL, come first.
  const double start_ns = record["start_ns"];
  const double before = start_ns - stall["start_ns"].get<double>() + 2e7;
  // The kernel's own work on a CPU is distinguished from Python's.
  const double seen = cause_ns(stall, cause) + (cause == "python" ? cause_ns(stall, "kernel") : 0);
  const double unknown = cause_ns(stall, "unknown");
  CHECK(seen >= 0.9 * (own_ns(stall) - unknown) - before);
  check_culprit(record, stall);
  check_others(record, stall);
}

double now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return 1e9 * static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec);
}

/// It hangs, then aiotrace comes; `came_ns`: when it was half-way to watching. Returns the first line that knows the
/// cause, after the summary has been checked. On a busy machine a program that computes may not have run yet when the
/// first line comes.
Json hang_before(Target& target, double* came_ns = nullptr) {
  target.wait_ready();
  target.go();
  REQUIRE(target.line() == "hanging");
  const double began_ns = now_ns();
  Tracer tracer({"-p", std::to_string(target.pid()), "--error", "200ms"});
  tracer.wait_watching();
  if (came_ns != nullptr) *came_ns = (began_ns + now_ns()) / 2;
  const std::string cause = target.records().at(0)["expected_cause"];
  auto reported = tracer.wait_line([&](const Json& line) {
    return is_ongoing(line) && segment_of(line, cause) != nullptr && cause_ns(line, cause) >= 1e7;
  });
  tracer.process().signal(SIGINT);
  CHECK(tracer.wait() == 0);
  CHECK(tracer.err() == "");
  const auto lines = tracer.lines();
  CHECK(schema_complaints(lines) == std::vector<std::string>{});
  CHECK(lines.back()["stalls"] == 1);
  CHECK(reported["at_least"] == true);
  return reported;
}

void check_hung_before(const Python& python, const std::string& kind) {
  Target target(python, "hangs.py", {"--kind", kind});
  double came_ns = 0;
  const auto reported = hang_before(target, &came_ns);
  const auto record = target.records().at(0);
  check_hang(record, reported);
  CHECK(reported["start_known"] == true);
  // Who computes, or asks for the GIL anew each few milliseconds, was seen by nobody before aiotrace came. Of all
  // others the scheduler knows since when they wait.
  const double unknown = cause_ns(reported, "unknown");
  if (kind == "python" || kind == "gil")
    CHECK(unknown > 0);
  else
    CHECK(reported["start_ns"].get<double>() + unknown < came_ns);
  CHECK(reported["start_ns"] >= record["poll_returned_ns"]);
  CHECK(reported["start_ns"] <= record["start_ns"]);
}

FOR_EACH_PYTHON(hung_on_lock, "a deadlock before aiotrace came: since when, where, and what the other threads do",
                "[hang]") {
  check_hung_before(python, "lock");
}

FOR_FEW_PYTHONS(hung_in_python, "an endless loop before aiotrace came: since when, and where", "[hang]") {
  check_hung_before(python, "python");
}

AIOTRACE_TEST_CASES(hung_before) {
  for (const char* kind :
       {"sleep", "network", "connect", "connect-abstract", "poll", "select", "epoll", "open", "read", "process", "gil"})
    add_test_case("a hang of kind " + std::string(kind) + " before aiotrace came: since when, where and on whom",
                  "[hang]", [kind] { check_hung_before(any_python(), kind); });
}

AIOTRACE_TEST_CASES(hangs_while_watched) {
  for (const char* kind :
       {"lock", "network", "connect", "connect-abstract", "poll", "open", "read", "process", "gil", "python"}) {
    add_test_case("a hang of kind " + std::string(kind) +
                      " while it is watched: who is waited for, at doubling intervals",
                  "[hang]", [kind] {
                    Target target(any_python(), "hangs.py", {"--kind", kind});
                    target.wait_ready();
                    Tracer tracer({"-p", std::to_string(target.pid()), "--error", "200ms"});
                    tracer.wait_watching();
                    target.go();
                    REQUIRE(target.line() == "hanging");
                    (void)tracer.wait_line(
                        [](const Json& line) { return is_ongoing(line) && line["duration_ns"] >= 800'000'000; });
                    tracer.process().signal(SIGINT);
                    CHECK(tracer.wait() == 0);
                    const auto record = target.records().at(0);
                    const auto loop = tracer.lines().back()["loops"].at(0);
                    std::vector<Json> reported;
                    std::ranges::copy_if(tracer.lines(), std::back_inserter(reported), is_ongoing);
                    REQUIRE(reported.size() >= 3);
                    // An iteration that goes on counts in the table of loops.
                    CHECK(loop["max_ns"] == reported.back()["duration_ns"]);
                    CHECK(loop["busy_ns"] >= reported.back()["duration_ns"]);
                    for (const auto& stall : reported) {
                      check_hang(record, stall);
                      CHECK(stall["at_least"] == false);
                      CHECK(stall["start_known"] == true);
                      CHECK(stall["id"] == reported[0]["id"]);
                    }
                    // The last one is reported at the end, whatever its age.
                    for (std::size_t i = 1; i + 1 < reported.size(); ++i) {
                      const double before = reported[i - 1]["duration_ns"];
                      CHECK(reported[i]["duration_ns"] >= 2 * before);
                    }
                  });
  }
}

}  // namespace
}  // namespace aiotrace::testing

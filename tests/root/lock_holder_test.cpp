// The holder of the lock that a loop waits for, compared with the program's own account.
#include <algorithm>
#include <cstdint>
#include <set>
#include <string>

#include "tests/catch.h"
#include "tests/support/match.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {
namespace {

bool names_lock(const Json& line) {
  if (line["type"] != "stall" || line["ongoing"] != true) return false;
  const auto* segment = segment_of(line, "lock");
  return segment != nullptr && (*segment)["culprit"].is_object() && (*segment)["culprit"]["name"].is_string();
}

/// The target holds each of its locks until aiotrace has reported it: the time until it looks depends on the machine.
Run trace_locks(Target& target, int stalls) {
  target.wait_ready();
  Tracer tracer({"-p", std::to_string(target.pid()), "--error", "200ms"});
  tracer.wait_watching();
  target.go();
  std::set<std::uint64_t> reported;
  for (int i = 0; i < stalls; ++i) {
    const auto line = tracer.wait_line(
        [&](const Json& each) { return names_lock(each) && !reported.contains(each["id"].get<std::uint64_t>()); });
    reported.insert(line["id"].get<std::uint64_t>());
    target.go();
  }
  CHECK(target.process().wait() == 0);
  CHECK(tracer.wait() == 0);
  Run run;
  run.records = target.records();
  run.lines = tracer.lines();
  return run;
}

FOR_EACH_PYTHON(lock_holder, "a stall at a lock has the thread that holds it", "[locks]") {
  if (python.command.empty()) AIOTRACE_SKIP("no Python " + python.version + ": " + python.origin);
  Target target(python, "lock_holders.py");
  const auto run = trace_locks(target, 5);
  CHECK(form_complaints(run.lines) == std::vector<std::string>{});
  REQUIRE(run.records.size() == 5);
  for (const auto& record : run.records) {
    INFO(record.dump());
    const auto stall = std::ranges::find_if(run.lines, [&](const Json& line) {
      return line["type"] == "stall" && line["ongoing"] == false && line["start_ns"] <= record["start_ns"] &&
             line["start_ns"].get<std::uint64_t>() + line["duration_ns"].get<std::uint64_t>() >= record["end_ns"];
    });
    REQUIRE(stall != run.lines.end());
    const auto segment = std::ranges::find((*stall)["segments"], "lock",
                                           [](const Json& each) { return each["cause"]; });
    REQUIRE(segment != (*stall)["segments"].end());
    const auto& lock = (*segment)["culprit"];
    INFO(lock.dump());
    CHECK(lock["name"] == record["name"]);
    REQUIRE(lock["holder"].is_null() == record["holder"].is_null());
    if (lock["holder"].is_null()) continue;
    CHECK(lock["holder"]["kind"] == "thread");
    CHECK(lock["holder"]["name"] == record["holder"]);
    CHECK(lock["holder"]["how"] == record["how"]);
    CHECK(lock["holder"]["stack"][0]["function"] == record["function"]);
  }
}

}  // namespace
}  // namespace aiotrace::testing

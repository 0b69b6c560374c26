// `leaks --origin`: the creators of leaked objects, and the times, compared with the program's own stacks.
#include <algorithm>
#include <csignal>
#include <cstdint>

#include "tests/catch.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {
namespace {

constexpr std::size_t kFrames = 16;  // the number of reported frames

bool is_scan(const Json& line) { return line["type"] == "scan"; }

/// Functions and lines, innermost first.
std::vector<std::pair<std::string, int>> places(const Json& stack) {
  std::vector<std::pair<std::string, int>> found;
  for (const auto& frame : stack) {
    if (found.size() == kFrames) break;
    if (frame.is_array())
      found.emplace_back(frame[0], frame[1]);
    else
      found.emplace_back(frame["function"], frame["line"].is_null() ? 0 : frame["line"].get<int>());
  }
  return found;
}

// Rows of one scan at this record's place; each is used once.
Json take_row(std::vector<Json>& rows, const Json& record) {
  const auto is_its = [&](const Json& row) {
    return row["class"] == record["class"] && row["coroutine"] == record["coroutine"] && !row["made_by"].is_null() &&
           places(row["made_by"]) == places(record["stack"]);
  };
  const auto found = std::ranges::find_if(rows, is_its);
  if (found == rows.end()) return nullptr;
  const Json row = *found;
  rows.erase(found);
  return row;
}

FOR_EACH_PYTHON(origins, "leaks --origin: who made it, on which line, and when", "[leaks][origin]") {
  if (python.command.empty()) AIOTRACE_SKIP("no Python " + python.version + ": " + python.origin);
  Target target(python, "origins.py");
  REQUIRE(target.line() == "ready");
  const auto pid = std::to_string(target.pid());
  if (python.minor() == 11 || python.minor() == 12) {
    const auto tried = run({aiotrace_binary(), "leaks", "-p", pid, "--origin", "--watch=100ms", "-d", "50ms"});
    if (tried.status == 3) {
      CHECK_THAT(tried.err,
                 Catch::Matchers::ContainsSubstring("does not export _Py_MakeCoro, and has no symbol table"));
      return;
    }
  }
  Tracer tracer({"leaks", "-p", pid, "--origin", "--watch=200ms", "--age", "1h"});
  const auto first = tracer.wait_line(is_scan);
  target.go();
  REQUIRE(target.line() == "done");
  const auto records = target.records();
  REQUIRE(records.size() == 5);
  // The running scan has seen half of it.
  int last_number = 0;
  for (const auto& line : tracer.lines()) last_number = is_scan(line) ? line["number"].get<int>() : last_number;
  const auto last = tracer.wait_line(
      [&](const Json& line) { return is_scan(line) && line["number"] >= last_number + 2; });
  tracer.process().signal(SIGINT);
  CHECK(tracer.wait() == 0);
  CHECK(tracer.err() == "");

  std::vector<Json> rows;
  for (const auto& line : tracer.lines()) {
    if (line["type"] == "leak" && line["scan"] == last["number"] && line["idle"] == false) rows.push_back(line);
  }
  for (const auto& record : records) {
    INFO(record.dump());
    const auto row = take_row(rows, record);
    REQUIRE(row.is_object());
    INFO(row.dump());
    CHECK(row["count"] == record["count"]);
    CHECK(row["age_known"] == true);
    const auto made_ns = last["start_ns"].get<std::int64_t>() - row["age_ns"].get<std::int64_t>();
    const auto late_ns = record["made_ns"].get<std::int64_t>() - made_ns;
    CHECK(late_ns >= 0);
    CHECK(late_ns < 100'000'000);
  }
  // Objects that existed before the probe have no origin; no others remain.
  REQUIRE(rows.size() == 1);
  INFO(rows[0].dump());
  CHECK(rows[0]["coroutine"] == "never");
  CHECK(rows[0]["count"] == 1);
  CHECK(rows[0]["made_by"].is_null());
  CHECK(rows[0]["age_known"] == false);
  const Json summary = tracer.lines().back();
  CHECK(summary["type"] == "summary");
  CHECK(summary["cost"]["runs"] >= 2000);
  CHECK(summary["cost"]["bpf_ns"] > 0);
}

}  // namespace
}  // namespace aiotrace::testing

// `aiotrace awaits` against programs that time their awaits themselves.
#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <map>

#include "tests/catch.h"
#include "tests/support/match.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {
namespace {

struct WaitSum {
  double ns = 0;
  double longest_ns = 0;
  std::uint64_t count = 0;
};

// By line, between two moments.
std::map<int, WaitSum> waited(const std::vector<Json>& records, double first_ns, double last_ns) {
  std::map<int, WaitSum> sums;
  for (const auto& record : records) {
    const double ns = std::min(record["end_ns"].get<double>(), last_ns) -
                      std::max(record["begin_ns"].get<double>(), first_ns);
    if (ns <= 0) continue;
    auto& sum = sums[record["line"].get<int>()];
    sum.ns += ns;
    sum.longest_ns = std::max(sum.longest_ns, ns);
    sum.count++;
  }
  return sums;
}

const std::map<std::string, std::string> kAwaits = {{"sleeper", "asyncio.sleep"}, {"giver", "asyncio.sleep"},
                                                    {"holder", "asyncio.sleep"},  {"queue", "Queue.get"},
                                                    {"event", "Event.wait"},      {"lock", "Lock.acquire"}};

void check_awaits(const Python& python, const std::vector<std::string>& arguments) {
  if (python.command.empty()) AIOTRACE_SKIP("Python " + python.version + ": " + python.origin);
  Target target(python, "awaits.py", arguments);
  target.wait_ready();
  // Snapshots are frequent, regardless of the cost: the totals are exact within the interval of the snapshots.
  Tracer tracer({"awaits", "-p", std::to_string(target.pid()), "-d", "3s", "--rate", "100", "--budget", "60",
                 "--folded", "FOLDED"});
  REQUIRE(tracer.wait() == 0);
  CHECK(tracer.err() == "");
  target.go();
  CHECK(target.process().wait() == 0);
  const auto records = target.records();
  const auto lines = tracer.lines();
  REQUIRE(lines.size() > 2);
  CHECK(form_complaints(lines) == std::vector<std::string>{});
  CHECK(lines.front()["type"] == "watching");
  const auto& summary = lines.back();
  REQUIRE(summary["type"] == "summary");
  const auto first_ns = summary["first_ns"].get<double>();
  const auto expected = waited(records, first_ns, first_ns + summary["watched_ns"].get<double>());
  std::map<int, std::string> sites;
  for (const auto& record : records) sites[record["line"].get<int>()] = record["site"].get<std::string>();
  REQUIRE(expected.size() == kAwaits.size());
  double all_ns = 0;
  for (const auto& [line, sum] : expected) {
    INFO("site " << sites[line] << ", line " << line);
    std::vector<Json> rows;
    std::ranges::copy_if(lines, std::back_inserter(rows),
                         [at = line](const Json& one) { return one["type"] == "await" && one["site"]["line"] == at; });
    REQUIRE_FALSE(rows.empty());
    // A task that goes from one await to the next while it is read can look as if it were in a third: this happens
    // rarely.
    for (std::size_t i = 1; i < rows.size(); i++)
      CHECK(rows[i]["total_ns"].get<double>() < 0.03 * rows[0]["total_ns"].get<double>());
    const auto& row = rows.front();
    all_ns += row["total_ns"].get<double>();
    CHECK(row["awaits"] == kAwaits.at(sites[line]));
    CHECK(row["pid"] == target.pid());
    CHECK(row["exact"] == false);
    const double off_ns = std::abs(row["total_ns"].get<double>() - sum.ns);
    INFO("total " << row["total_ns"] << " ± " << row["error_ns"] << ", by its own clock " << sum.ns);
    CHECK(off_ns <= std::max(0.03 * sum.ns, row["error_ns"].get<double>()));
    // A task that moves on while it is read is read again, so it only counts twice if it moves on again during that
    // read.
    CHECK(row["count"].get<std::uint64_t>() <= sum.count + sum.count / 50 + 2);
    if (sites[line] == "event") CHECK(row["count"] == 1);
    if (sites[line] == "event") CHECK(row["coroutine"] == "outer");
    if (sites[line] == "sleeper") {
      // Each lasts many snapshots, so every one is seen. The last snapshot may be taken while a task goes from one
      // sleep to the next.
      CHECK(row["in_flight"] >= 8);
      CHECK(row["in_flight"] <= 10);
      CHECK(row["count"].get<std::uint64_t>() + 1 >= sum.count);
      CHECK(row["max_ns"].get<double>() <= sum.longest_ns + 1e6);
    }
  }
  double folded_ns = 0;
  for (const auto& line : lines_of(slurp(tracer.file("folded")))) {
    if (line.contains("awaits.py")) folded_ns += 1000 * std::stod(line.substr(line.rfind(' ')));
    if (line.contains("[Event.wait]")) CHECK(line.starts_with("outer ("));
  }
  // One of the program's own waits, for the end of the test, is not among its records.
  CHECK(folded_ns >= all_ns - 100e6);
  CHECK(folded_ns <= all_ns + summary["watched_ns"].get<double>() + 100e6);
}

FOR_EACH_PYTHON(awaits, "awaits are reported as long as the program says", "[awaits]") { check_awaits(python, {}); }

// Its only await began before the attach and never ends.
void check_silent(const Json& row, const Json& summary) {
  CHECK(row["count"] == 0);
  CHECK(row["total_ns"] == 0);
  CHECK(row["mean_ns"].is_null());
  CHECK(row["max_ns"].is_null());
  CHECK(row["in_flight"] == 1);
  // The whole run except the time of the first snapshot.
  const auto waited = row["in_flight_ns"].get<double>(), elapsed = summary["elapsed_ns"].get<double>();
  CHECK(waited <= elapsed);
  CHECK(waited >= 0.5 * elapsed);
  CHECK(row["in_flight_max_ns"] == row["in_flight_ns"]);
}

// Each await that began and ended while it watched: the count and the times must equal the program's own.
void check_exact(const Python& python, const std::vector<std::string>& arguments) {
  if (python.command.empty()) AIOTRACE_SKIP("Python " + python.version + ": " + python.origin);
  Target target(python, "awaits.py", arguments);
  target.wait_ready();
  Tracer tracer({"awaits", "--exact", "--max-cost", "100", "-p", std::to_string(target.pid()), "-d", "2s"});
  REQUIRE(tracer.wait() == 0);
  CHECK(tracer.err() == "");
  target.go();
  CHECK(target.process().wait() == 0);
  const auto lines = tracer.lines();
  REQUIRE(lines.size() > 2);
  CHECK(lines.front()["type"] == "watching");
  const auto& summary = lines.back();
  REQUIRE(summary["type"] == "summary");
  for (const auto& [name, count] : summary["losses"].items()) {
    INFO("loss " << name);
    CHECK(count == 0);
  }
  std::map<int, WaitSum> expected;
  std::map<int, std::string> sites;
  for (const auto& record : target.records()) {
    const auto line = record["line"].get<int>();
    sites[line] = record["site"].get<std::string>();
    auto& sum = expected[line];
    const auto begin = record["begin_ns"].get<std::uint64_t>(), end = record["end_ns"].get<std::uint64_t>();
    if (begin < summary["first_ns"].get<std::uint64_t>() || end >= summary["last_ns"].get<std::uint64_t>()) continue;
    const auto ns = static_cast<double>(end - begin);
    sum.ns += ns;
    sum.longest_ns = std::max(sum.longest_ns, ns);
    sum.count++;
  }
  REQUIRE(expected.size() == kAwaits.size());
  for (const auto& [line, sum] : expected) {
    INFO("site " << sites[line] << ", line " << line);
    std::vector<Json> rows;
    std::ranges::copy_if(lines, std::back_inserter(rows),
                         [at = line](const Json& one) { return one["type"] == "await" && one["site"]["line"] == at; });
    REQUIRE(rows.size() == 1);
    const auto& row = rows.front();
    CHECK(row["exact"] == true);
    CHECK(row["awaits"] == kAwaits.at(sites[line]));
    if (sites[line] == "event") {
      check_silent(row, summary);
      continue;
    }
    // One more or less is allowed, if a clock was read on one side of a bound and the step was on the other side.
    const auto count = row["count"].get<double>();
    CHECK(std::abs(count - static_cast<double>(sum.count)) <= 1);
    const double own_mean = sum.ns / static_cast<double>(sum.count);
    INFO("mean " << row["mean_ns"] << ", by its own clock " << own_mean);
    // 0.1 ms, and the time that the scheduler of a loaded machine adds between the program's clock and its step.
    CHECK(std::abs(row["mean_ns"].get<double>() - own_mean) < 0.1e6 + own_mean / count);
    CHECK(row["p50_ns"].get<double>() <= row["p99_ns"].get<double>());
    CHECK(row["p99_ns"].get<double>() <= row["max_ns"].get<double>());
    CHECK(row["max_ns"].get<double>() < sum.longest_ns + 0.1e6);
  }
}

AIOTRACE_TEST_CASES(awaits_uvloop) {
  for (const auto& python : environments()) {
    add_test_case("awaits on uvloop are reported as long as the program says on Python " + python.title(), "[awaits]",
                  [&python] {
                    auto import = python.command;
                    import.insert(import.end(), {"-c", "import uvloop"});
                    if (!python.command.empty() && run(import).status != 0)
                      AIOTRACE_SKIP("the environment of Python " + python.version + " has no uvloop");
                    check_awaits(python, {"--uvloop"});
                  });
    add_test_case("every await on uvloop is timed as the program says on Python " + python.title(), "[awaits][exact]",
                  [&python] {
                    auto import = python.command;
                    import.insert(import.end(), {"-c", "import uvloop"});
                    if (!python.command.empty() && run(import).status != 0)
                      AIOTRACE_SKIP("the environment of Python " + python.version + " has no uvloop");
                    check_exact(python, {"--uvloop"});
                  });
  }
}

FOR_EACH_PYTHON(exact, "every await is timed as the program says", "[awaits][exact]") { check_exact(python, {}); }

TEST_CASE("a gather() that holds itself is reported in bounded time, by tasks and awaits", "[awaits]") {
  Target target(any_python(), "self_gather.py");
  target.wait_ready();
  const auto pid = std::to_string(target.pid());
  Tracer awaits({"awaits", "-p", pid, "-d", "300ms"});
  CHECK(awaits.wait() == 0);
  Tracer tasks({"tasks", "-p", pid});
  CHECK(tasks.wait() == 0);
  const auto lines = tasks.lines();
  const auto waits = std::ranges::find_if(lines, [](const Json& line) {
    return line["type"] == "task" && line["coroutine"] == "waits_for";
  });
  REQUIRE(waits != lines.end());
  CHECK((*waits)["waits_for"]["kind"] == "gather");
  target.go();
  CHECK(target.process().wait() == 0);
}

TEST_CASE("awaits: Ctrl-C ends the watching with everything reported", "[awaits]") {
  Target target(any_python(), "awaits.py");
  target.wait_ready();
  Tracer tracer({"awaits", "-p", std::to_string(target.pid()), "--rate", "50", "--budget", "50"});
  tracer.wait_line([](const Json& line) { return line["type"] == "watching"; });
  tracer.process().signal(SIGINT);
  CHECK(tracer.wait() == 0);
  CHECK(tracer.lines().back()["type"] == "summary");
  target.go();
  CHECK(target.process().wait() == 0);
}

TEST_CASE("awaits: a target that ends is no failure, and nonsense is a usage error", "[awaits]") {
  Target target(any_python(), "awaits.py");
  target.wait_ready();
  Tracer tracer({"awaits", "-p", std::to_string(target.pid())});
  tracer.wait_line([](const Json& line) { return line["type"] == "watching"; });
  target.go();
  CHECK(target.process().wait() == 0);
  CHECK(tracer.wait() == 0);
  CHECK(tracer.lines().back()["type"] == "summary");
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"awaits"},
                                                    {"awaits", "-p", "0"},
                                                    {"awaits", "-p", "1,2"},
                                                    {"awaits", "-p", "1", "--rate", "0"},
                                                    {"awaits", "-p", "1", "-d", "0s"}}) {
    Tracer refused(arguments);
    CHECK(refused.wait() == 2);
    CHECK(std::ranges::count(refused.err(), '\n') == 1);
  }
}

}  // namespace
}  // namespace aiotrace::testing

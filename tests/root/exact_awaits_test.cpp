// `aiotrace awaits --exact`: its report of its own cost, --max-cost, --match and the scheduling delay.
#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <numeric>
#include <string>

#include "tests/catch.h"
#include "tests/support/match.h"
#include "tests/support/tracer.h"
#include "util/clock.h"

namespace aiotrace::testing {
namespace {

double quantile_of(std::vector<double> values, double share) {
  std::ranges::sort(values);
  return values[std::min(values.size() - 1, static_cast<std::size_t>(share * static_cast<double>(values.size())))];
}

double median_of(std::vector<double> values) { return quantile_of(std::move(values), 0.5); }

/// The interpreter's code as it is in the process.
std::string code_of(pid_t pid) {
  const auto directory = "/proc/" + std::to_string(pid);
  std::ifstream maps(directory + "/maps"), memory(directory + "/mem", std::ios::binary);
  std::string code;
  for (std::string line; std::getline(maps, line);) {
    if (!line.contains(" r-xp ") || !line.contains("python")) continue;
    std::size_t dash = 0;
    const auto begin = std::stoull(line, &dash, 16), end = std::stoull(line.substr(dash + 1), nullptr, 16);
    std::string part(end - begin, '\0');
    memory.seekg(static_cast<std::streamoff>(begin));
    REQUIRE(memory.read(part.data(), static_cast<std::streamsize>(part.size())));
    code += part;
  }
  REQUIRE_FALSE(code.empty());
  return code;
}

struct Exact {
  std::vector<Json> records;  ///< the target's, all of them
  std::vector<Json> lines;
  Json summary;
  std::string err;
  int status = -1;
  std::uint64_t started_ns = 0, ended_ns = 0;  ///< of aiotrace: before and after nothing was probed

  /// Awaits that began and ended during the watch.
  [[nodiscard]] bool within(const Json& record, const char* begin, const char* end) const {
    return record[begin] >= summary["first_ns"] && record[end] <= summary["last_ns"];
  }
  [[nodiscard]] std::vector<Json> rows(const std::string& type) const {
    std::vector<Json> found;
    std::ranges::copy_if(lines, std::back_inserter(found), [&](const Json& line) { return line["type"] == type; });
    return found;
  }
};

Exact watch(const Python& python, const std::string& script, const std::vector<std::string>& of_script,
            std::vector<std::string> arguments) {
  if (python.command.empty()) AIOTRACE_SKIP("Python " + python.version + ": " + python.origin);
  Target target(python, script, of_script);
  target.wait_ready();
  arguments.insert(arguments.begin(), {"awaits", "--exact", "-p", std::to_string(target.pid())});
  Exact result;
  const auto code = code_of(target.pid());
  result.started_ns = monotonic_ns();
  Tracer tracer(arguments);
  result.status = tracer.wait();
  result.ended_ns = monotonic_ns();
  CHECK((code_of(target.pid()) == code));  // the process has no probes left
  target.go();
  CHECK(target.process().wait() == 0);
  result.records = target.records();
  result.lines = tracer.lines();
  result.err = tracer.err();
  REQUIRE(result.lines.size() > 2);
  CHECK(form_complaints(result.lines) == std::vector<std::string>{});
  result.summary = result.lines.back();
  REQUIRE(result.summary["type"] == "summary");
  return result;
}

/// CPU time of a step in the windows of one kind that fulfil the condition, in ns.
std::vector<double> step_ns(const std::vector<Json>& records, const std::string& kind,
                            const std::function<bool(const Json&)>& wanted) {
  std::vector<double> all;
  for (const auto& record : records) {
    if (record["kind"] == kind && wanted(record))
      all.push_back(record["cpu_ns"].get<double>() / record["steps"].get<double>());
  }
  return all;
}

FOR_FEW_PYTHONS(exact_cost, "awaits --exact reports what it costs as the target measures it",
                "[alone][awaits][exact]") {
  const auto run = watch(python, "steps.py", {}, {"--max-cost", "100", "-d", "1500ms"});
  // More than 100 % of the thread's time is impossible, so the run was not ended.
  REQUIRE(run.status == 0);
  const auto during = [&](const Json& record) { return run.within(record, "begin_ns", "end_ns"); };
  const auto without = [&](const Json& record) {
    return record["end_ns"] < run.started_ns || record["begin_ns"] > run.ended_ns;
  };
  double steps_ns = 0, low_ns = 0, high_ns = 0;
  for (const std::string kind : {"yields", "futures"}) {
    const auto traced = step_ns(run.records, kind, during), bare = step_ns(run.records, kind, without);
    REQUIRE(traced.size() >= 10);
    REQUIRE(bare.size() >= 30);
    double steps = 0;
    for (const auto& record : run.records) {
      if (record["kind"] != kind || !during(record)) continue;
      steps += record["steps"].get<double>();
      steps_ns += record["end_ns"].get<double>() - record["begin_ns"].get<double>();
    }
    // The machine's speed varies: the quartiles are the bounds of the target's own measurement.
    low_ns += steps * std::max(0.0, quantile_of(traced, 0.25) - quantile_of(bare, 0.75));
    high_ns += steps * (quantile_of(traced, 0.75) - quantile_of(bare, 0.25));
    UNSCOPED_INFO(kind << ": a step takes " << median_of(bare) << " ns, traced " << median_of(traced));
  }
  // The windows cover nearly all of the time.
  const double whole = run.summary["elapsed_ns"].get<double>() / steps_ns;
  CHECK(whole < 1.2);
  const auto& cost = run.summary["target_cost"];
  INFO("reported " << cost["ns"].get<double>() / 1e6 << " ms, by the target's own clock " << whole * low_ns / 1e6
                   << " to " << whole * high_ns / 1e6 << " ms; " << cost.dump());
  if (low_ns <= 0) AIOTRACE_SKIP("what a step costs wandered by more than what tracing adds to it");
  // The bench measures the accuracy: the cost of a step without probes varies by more than that from second to second.
  // A price of the wrong instruction is wrong by a factor of ten; a price that counts one trap of two is wrong by a
  // factor of two.
  CHECK(cost["ns"].get<double>() >= 0.5 * whole * low_ns);
  CHECK(cost["ns"].get<double>() <= 4 * whole * high_ns);
  CHECK(std::abs(cost["share"].get<double>() - cost["ns"].get<double>() / run.summary["elapsed_ns"].get<double>()) <
        0.01);
}

FOR_FEW_PYTHONS(exact_let_go, "awaits --exact lets a target go that it costs too much", "[alone][awaits][exact]") {
  const auto run = watch(python, "steps.py", {"--kind", "yields"}, {});
  CHECK(run.status == 1);
  CHECK(run.err.find("ended after") != std::string::npos);
  CHECK(run.err.find("more than 5 % of its time (--max-cost)") != std::string::npos);
  CHECK(std::ranges::count(run.err, '\n') == 1);
  CHECK(run.summary["target_cost"]["exceeded"] == true);
  // It is over the limit in the first look; on a busy machine the look comes later.
  CHECK(run.summary["elapsed_ns"] < 2e9);
  double awaits = 0, own = 0;
  for (const auto& row : run.rows("await")) {
    if (row["site"]["function"].get<std::string>().ends_with("yields")) awaits += row["count"].get<double>();
  }
  for (const auto& record : run.records) {
    if (run.within(record, "begin_ns", "end_ns")) own += record["steps"].get<double>();
  }
  INFO("reported " << awaits << " awaits, own " << own);
  CHECK(own > 0);
  CHECK(awaits >= own);
  CHECK(awaits <= own + 2 * 200);  // the windows at both ends
}

struct Pattern {
  std::string text;
  std::string field;  ///< of the target's records
};

TEST_CASE("awaits --exact --match reports only what it asks for, all of it", "[awaits][exact]") {
  const auto& python = any_python();
  for (const Pattern& pattern : {Pattern{"stores", "function"}, {"worker-3", "task"}, {"payments/ledger", "file"}}) {
    INFO("--match " << pattern.text);
    const auto run = watch(python, "matched.py", {}, {"--max-cost", "100", "-d", "700ms", "--match", pattern.text});
    CHECK(run.status == 0);
    CHECK(run.err == "");
    std::map<std::string, double> own, reported;  // by function
    for (const auto& record : run.records) {
      if (!record[pattern.field].get<std::string>().contains(pattern.text)) continue;
      if (run.within(record, "begin_ns", "end_ns")) own[record["function"].get<std::string>()]++;
    }
    REQUIRE_FALSE(own.empty());
    for (const auto& row : run.rows("await"))
      reported[row["site"]["function"].get<std::string>()] += row["count"].get<double>();
    CHECK(reported.size() == own.size());
    for (const auto& [function, count] : own) {
      INFO(function << ": reported " << reported[function] << ", own " << count);
      CHECK(count >= 10);
      // One more or less for each of two tasks, if a clock was read on one side of a bound and the step was on the
      // other side.
      CHECK(std::abs(reported[function] - count) <= 2);
    }
    for (const auto& [name, count] : run.summary["losses"].items()) {
      INFO("loss " << name);
      CHECK(count == 0);
    }
    for (const auto& row : run.rows("delay")) {
      // By task name only: BPF knows no more when a task becomes ready.
      CHECK(pattern.field == "task");
      CHECK(row["tasks"] == "worker-*");
    }
  }
}

FOR_FEW_PYTHONS(exact_delay, "awaits --exact reports how late tasks ran as the program knows", "[awaits][exact]") {
  const auto run = watch(python, "late.py", {}, {"--max-cost", "100", "-d", "2s"});
  CHECK(run.status == 0);
  CHECK(run.err == "");
  std::map<std::string, std::vector<double>> own;  // by group
  for (const auto& record : run.records) {
    if (!run.within(record, "ready_ns", "ran_ns")) continue;
    const auto name = record["task"].get<std::string>();
    own[name.substr(0, name.find('-'))].push_back(record["ran_ns"].get<double>() - record["ready_ns"].get<double>());
  }
  REQUIRE(own.size() == 4);
  for (const auto& [kind, delays] : own) {
    INFO(kind);
    const auto rows = run.rows("delay");
    const auto found = std::ranges::find(rows, Json(kind + "-*"), [](const Json& row) { return row["tasks"]; });
    REQUIRE(found != rows.end());
    const auto& row = *found;
    // Tasks of some kinds have one more step, their first: it became ready just before, and is not late.
    const double others = row["count"].get<double>() - static_cast<double>(delays.size());
    INFO("reported " << row.dump() << ", own " << Json(delays).dump());
    REQUIRE(delays.size() >= 8);
    const double own_ns = std::accumulate(delays.begin(), delays.end(), 0.0);
    const double longest_ns = std::ranges::max(delays);
    // Delays by the machine between the program's clock and its step are only in the program's count: its longest value
    // may be longer by another program's time slice, but one value in five is as long as the expected longest.
    CHECK(row["max_ns"].get<double>() <= longest_ns + 0.1e6);
    CHECK(row["max_ns"].get<double>() >= quantile_of(delays, 0.9) - 1e6);
    if (kind == "made") {
      CHECK(std::abs(others) <= 1);
      CHECK(std::abs(row["mean_ns"].get<double>() - own_ns / static_cast<double>(delays.size())) <
            0.1e6 + longest_ns / static_cast<double>(delays.size()));
      // A bucket of the histogram is an eighth of an octave wide.
      const double low_ns = quantile_of(delays, 0.4), high_ns = quantile_of(delays, 0.6);
      CHECK(row["p50_ns"].get<double>() >= 0.87 * low_ns);
      CHECK(row["p50_ns"].get<double>() <= 1.15 * high_ns);
    } else {
      CHECK(std::abs(others - static_cast<double>(delays.size())) <= 2);
    }
    CHECK(std::abs(row["total_ns"].get<double>() - own_ns) <= longest_ns + 0.2e6 * static_cast<double>(delays.size()));
  }
}

}  // namespace
}  // namespace aiotrace::testing

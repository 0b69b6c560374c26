// `aiotrace profile` against programs that count their own time.
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <csignal>
#include <map>
#include <set>

#include "tests/catch.h"
#include "tests/support/match.h"
#include "tests/support/profile.h"
#include "tests/support/steal.h"
#include "tests/support/tracer.h"
#include "tests/unit/readers.h"
#include "util/unique_fd.h"

namespace aiotrace::testing {
namespace {

const std::set<std::string> kFunctions = {"heavy", "middle", "light", "threaded"};

struct Profiled {
  std::vector<Json> records;  ///< records of the target, from the profiled time
  std::vector<Json> lines;
  Json summary;
  std::string out;
  std::string folded;
  std::string trace;
  pid_t pid = 0;
};

Profiled profiled(const Python& python, const std::string& kind, std::vector<std::string> arguments) {
  if (python.command.empty()) AIOTRACE_SKIP("Python " + python.version + ": " + python.origin);
  Target target(python, "profiled.py", {"--kind", kind});
  target.wait_ready();
  Profiled result;
  result.pid = target.pid();
  arguments.insert(arguments.begin(), {"profile", "-p", std::to_string(target.pid()), "-F", "997", "--folded", "FOLDED",
                                       "--perfetto", "FILE:perfetto"});
  Tracer tracer(arguments);
  REQUIRE(tracer.wait() == 0);
  CHECK(tracer.err() == "");
  target.go();
  CHECK(target.process().wait() == 0);
  result.lines = tracer.lines();
  result.out = tracer.out();
  result.folded = slurp(tracer.file("folded"));
  result.trace = slurp(tracer.file("perfetto"));
  REQUIRE(result.lines.size() > 2);
  const auto complaints = profile_complaints(result.lines);
  INFO(Json(complaints).dump(1));
  CHECK(complaints.empty());
  result.summary = result.lines.back();
  result.records = records_within(target.records(), result.lines);
  INFO("losses: " << result.summary["losses"].dump());
  CHECK(result.summary["losses"]["ring-full"] == 0);
  CHECK(result.summary["losses"]["bad-record"] == 0);
  return result;
}

std::vector<Json> rows_of(const Profiled& run) { return profile_rows(run.lines); }

FOR_FEW_PYTHONS(profile_cpu, "CPU time by function is reported as the program counts it", "[profile]") {
  const auto run = profiled(python, "busy", {"-d", "2500ms"});
  check_shares(shares_of(run.records, rows_of(run), [](const Json&) { return true; }));
  for (const auto& row : rows_of(run)) {
    CHECK(row["pid"] == run.pid);
    CHECK(row["task"].is_null());
  }
  const auto& functions = run.summary["functions"];
  for (const auto& name : kFunctions) {
    const auto found = std::ranges::find(functions, Json(name), [](const Json& each) { return each["function"]; });
    REQUIRE(found != functions.end());
    CHECK((*found)["total_ns"] >= (*found)["self_ns"]);
  }
  double folded_us = 0;
  for (const auto& line : lines_of(run.folded)) folded_us += std::stod(line.substr(line.rfind(' ')));
  double rows_ns = 0;
  for (const auto& row : rows_of(run)) rows_ns += row["ns"].get<double>();
  CHECK(std::abs(1000 * folded_us - rows_ns) <= 0.001 * rows_ns);
  if (!run.summary["process_cpu_ns"].is_null())
    CHECK(std::abs(rows_ns - run.summary["process_cpu_ns"].get<double>()) <= 0.05 * rows_ns + 20e6);
}

TEST_CASE("a profile for Perfetto: its slices last as long as the rows of their cause, and each lies in its task",
          "[profile]") {
  const auto run = profiled(any_python(), "waits", {"--mode", "wall", "--by", "task", "-d", "2s", "--min", "0s"});
  const auto read = samples::read_trace(run.trace);
  double in_tasks = 0;
  for (const auto& slice : read["slices"]) in_tasks += slice[1] == 1 && slice[2].get<std::string>().contains("sleep");
  CHECK(in_tasks > 0);
  for (const std::string cause : {"sleep", "network", "process", "lock"}) {
    double rows_ns = 0, slices_ns = 0;
    for (const auto& row : rows_of(run)) rows_ns += row["cause"] == cause ? row["ns"].get<double>() : 0;
    for (const auto& slice : read["slices"])
      slices_ns += slice[2].get<std::string>().starts_with(cause + " ") ? slice[4].get<double>() : 0;
    INFO(cause << ": rows " << rows_ns / 1e6 << " ms, slices " << slices_ns / 1e6);
    CHECK(rows_ns > 0);
    CHECK(std::abs(rows_ns - slices_ns) <= 0.002 * rows_ns + 1e6);
  }
}

const std::map<std::string, std::pair<std::string, std::string>> kSites = {{"sleep", {"sleeps", "sleep"}},
                                                                           {"network", {"receives", "network"}},
                                                                           {"pipe", {"reads", "process"}},
                                                                           {"lock", {"locks", "lock"}}};

FOR_FEW_PYTHONS(profile_off_cpu, "time off the CPU is exact, with its cause", "[profile]") {
  const auto run = profiled(python, "waits", {"--mode", "off-cpu", "-d", "2s", "--min", "0s"});
  for (const auto& [site, expected] : kSites) {
    const auto& [function, cause] = expected;
    double own_ns = 0, count = 0;
    for (const auto& record : run.records) {
      if (record["site"] != site) continue;
      // Time in which it needed a CPU is not off-CPU time.
      own_ns += record["end_ns"].get<double>() - record["begin_ns"].get<double>() - record["cpu_ns"].get<double>();
      count++;
    }
    double reported_ns = 0, cause_ns = 0, not_ready_ns = 0;
    int unnamed = 0;  // waits that are not complete at the beginning and at the end of the profile
    for (const auto& row : rows_of(run)) {
      if (function_in(row, {function}).empty()) continue;
      CHECK(row["exact"] == true);
      reported_ns += row["ns"].get<double>();
      if (row["cause"] != "cpu-wait" && row["cause"] != "throttled") not_ready_ns += row["ns"].get<double>();
      if (row["cause"] != cause) continue;
      cause_ns += row["ns"].get<double>();
      if (site != "network") continue;
      CHECK(row["syscall"] == "recvfrom");
      if (row["culprit"].is_null())
        unnamed += row["count"].get<int>();
      else
        CHECK(row["culprit"]["protocol"] == "unix");
    }
    INFO(site << ": " << count << " waits, own " << own_ns / 1e6 << " ms, reported " << reported_ns / 1e6 << " ms, as "
              << cause << " " << cause_ns / 1e6 << " ms");
    REQUIRE(count > 10);
    CHECK(unnamed <= 2);
    // One wait at each end of the profile is not whole in it; each one is exact to 0.1 ms.
    CHECK(std::abs(reported_ns - own_ns) <= 2 * own_ns / count + 1e5 * count + 5e6);
    CHECK(cause_ns >= 0.95 * not_ready_ns - 5e6);
  }
}

FOR_FEW_PYTHONS(profile_wall, "a profile of the wall clock adds up for each thread", "[profile]") {
  const auto run = profiled(python, "waits", {"--mode", "wall", "-d", "1500ms", "--by", "thread"});
  const auto& threads = run.summary["threads"];
  std::set<std::string> names;
  double cpu_ns = 0;
  for (const auto& thread : threads) {
    const double elapsed_ns = thread["elapsed_ns"].get<double>();
    double sum_ns = thread["cpu_ns"].get<double>() + thread["idle_ns"].get<double>();
    for (const auto& [cause, ns] : thread["causes"].items()) sum_ns += ns.get<double>();
    INFO(thread.dump());
    CHECK(std::abs(sum_ns - elapsed_ns) <= 0.01 * elapsed_ns);
    CHECK(elapsed_ns >= 0.95 * run.summary["elapsed_ns"].get<double>());
    names.insert(thread["thread"].get<std::string>());
    cpu_ns += thread["cpu_ns"].get<double>();
    double rows_ns = 0;
    for (const auto& row : rows_of(run)) {
      if (row["tid"] == thread["tid"]) rows_ns += row["ns"].get<double>();
    }
    CHECK(std::abs(rows_ns - elapsed_ns) <= 0.01 * elapsed_ns);
  }
  CHECK(names == std::set<std::string>{"MainThread", "peer", "waiter"});
  // The scheduler's own count excludes time of the hypervisor; the time from switch to switch includes it.
  if (!run.summary["process_cpu_ns"].is_null()) {
    INFO("on a CPU " << cpu_ns / 1e6 << " ms, stolen from the machine " << stolen_ns() / 1e6 << " ms");
    CHECK(std::abs(cpu_ns - run.summary["process_cpu_ns"].get<double>()) <= 0.05 * cpu_ns + 20e6 + 2 * stolen_ns());
  }
  CHECK(run.summary["idle_ns"] > 0);
  for (const auto& line : lines_of(run.folded))
    CHECK((line.starts_with("[MainThread];") || line.starts_with("[peer];") || line.starts_with("[waiter];")));
}

FOR_EACH_PYTHON(profile_gil, "who holds the GIL, and who waits for it", "[profile]") {
  if (!python.has_gil()) {
    Target target(python, "profiled.py");
    target.wait_ready();
    Tracer refused({"profile", "-p", std::to_string(target.pid()), "--mode", "gil"});
    CHECK(refused.wait() == 3);
    CHECK_THAT(refused.err(), Catch::Matchers::ContainsSubstring("its threads run without a GIL"));
    return;
  }
  const auto run = profiled(python, "busy", {"--mode", "gil", "-d", "2500ms"});
  // Code that computes in Python holds it.
  check_shares(shares_of(run.records, rows_of(run), [](const Json& row) { return row["holds_gil"] == true; }));
  double waited_ns = 0, known_ns = 0;
  for (const auto& row : rows_of(run)) {
    if (row["cause"] != "gil") {
      CHECK(row["holds_gil"] == true);
      continue;
    }
    waited_ns += row["ns"].get<double>();
    const auto& holder = row["culprit"];
    if (holder.is_null() || holder["stack"].is_null()) continue;
    const bool main_waits = row["tid"] == run.pid;
    CHECK(holder["thread"] == (main_waits ? "computer" : "MainThread"));
    if (main_waits && !function_in(holder, {"threaded"}).empty()) known_ns += row["ns"].get<double>();
    if (!main_waits && !function_in(holder, {"heavy", "middle", "light"}).empty()) known_ns += row["ns"].get<double>();
  }
  INFO("waited " << waited_ns / 1e6 << " ms, of these for a known function " << known_ns / 1e6);
  CHECK(waited_ns > 0.2e9);
  CHECK(known_ns > 0.8 * waited_ns);
}

FOR_FEW_PYTHONS(profile_task, "a profile by task has the tasks' names at its root", "[profile]") {
  const auto run = profiled(python, "busy", {"--by", "task", "-d", "1500ms"});
  const std::map<std::string, std::string> expected = {{"heavy", "task-0"}, {"middle", "task-1"}, {"light", "task-2"}};
  std::map<std::string, double> right_ns, all_ns;
  for (const auto& row : rows_of(run)) {
    const auto function = function_in(row, {"heavy", "middle", "light"});
    if (function.empty()) continue;
    all_ns[function] += row["ns"].get<double>();
    if (row["task"].is_null()) continue;
    if (row["task"]["name"] == expected.at(function) && row["task"]["coroutine"] == "computes")
      right_ns[function] += row["ns"].get<double>();
  }
  for (const auto& [function, ns] : all_ns) {
    INFO(function << ": " << right_ns[function] << " of " << ns);
    CHECK(right_ns[function] >= 0.98 * ns);
  }
  CHECK(run.folded.find("[task-0];") != std::string::npos);
}

TEST_CASE("profile: a program from its start on, with text", "[profile]") {
  Scratch scratch;
  Fifo ready(scratch.file("ready")), go(scratch.file("go"));
  const auto& python = any_python();
  auto command = python.command;
  command.insert(command.begin(), "--");
  command.insert(command.end(), {program("profiled.py"), "--ready", scratch.file("ready"), "--go", scratch.file("go"),
                                 "--record", scratch.file("record")});
  Tracer tracer({"profile", "--mode", "wall", "--top", "0", "--json", "FILE:rows"}, command);
  CHECK(ready.line(tracer.process()).starts_with("ready "));
  // It has computed long enough for aiotrace, which recognizes it during its start, to have samples of it.
  CHECK(ready.line(tracer.process()) == "long");
  go.send();
  REQUIRE(tracer.wait() == 0);
  CHECK(tracer.out().find("heavy") != std::string::npos);
  const auto lines = ndjson(slurp(tracer.file("rows")));
  REQUIRE(profile_complaints(lines) == std::vector<std::string>{});
  CHECK(lines.back()["samples"] > 0);
}

TEST_CASE("profile: Ctrl-C ends it with everything reported, nonsense is a usage error", "[profile]") {
  Target target(any_python(), "profiled.py");
  target.wait_ready();
  Tracer tracer({"profile", "-p", std::to_string(target.pid())});
  tracer.wait_watching();
  tracer.process().signal(SIGINT);
  CHECK(tracer.wait() == 0);
  CHECK(tracer.lines().back()["type"] == "summary");
  target.go();
  CHECK(target.process().wait() == 0);
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"profile"},
                                                    {"profile", "-p", "0"},
                                                    {"profile", "-p", "1", "-a"},
                                                    {"profile", "-p", "1", "--mode", "all"},
                                                    {"profile", "-p", "1", "--by", "line"},
                                                    {"profile", "-p", "1", "-F", "0"},
                                                    {"profile", "-p", "1", "--folded", "-"},
                                                    {"profile", "-p", "1", "-d", "0s"}}) {
    Tracer refused(arguments);
    CHECK(refused.wait() == 2);
    CHECK(std::ranges::count(refused.err(), '\n') == 1);
  }
}

TEST_CASE("profile: its cost is its own when somebody else measures BPF programs, too", "[profile]") {
  constexpr double kHz = 997;
  bpf_attr attr{};
  attr.enable_stats.type = BPF_STATS_RUN_TIME;
  const UniqueFd somebody(static_cast<int>(syscall(SYS_bpf, BPF_ENABLE_STATS, &attr, sizeof(attr))));
  REQUIRE(somebody);
  Target target(any_python(), "profiled.py", {"--kind", "busy"});
  target.wait_ready();
  Tracer tracer({"profile", "-p", std::to_string(target.pid()), "-F", "997", "-d", "2s"});
  REQUIRE(tracer.wait() == 0);
  const auto summary = tracer.lines().back();
  const auto& cost = summary["cost"];
  INFO(cost.dump());
  // The oracle: each CPU's clock runs the program so often.
  const double expected = kHz * static_cast<double>(sysconf(_SC_NPROCESSORS_ONLN)) *
                          summary["elapsed_ns"].get<double>() / 1e9;
  CHECK(cost["runs"] > 0.5 * expected);
  CHECK(cost["runs"] < 2 * expected);
  target.go();
  CHECK(target.process().wait() == 0);
}

}  // namespace
}  // namespace aiotrace::testing

// Traces for Perfetto, as its own schema reads them.
#include "output/trace/perfetto_stalls.h"

#include "model/timeline.h"
#include "output/trace/perfetto_awaits.h"
#include "output/trace/perfetto_profile.h"
#include "tests/catch.h"
#include "tests/unit/exports_samples.h"
#include "tests/unit/readers.h"

namespace aiotrace {
namespace {

using model::Cause;
using model::Frame;
using model::ProfileRow;
using nlohmann::json;
using samples::read_trace;

constexpr std::uint64_t kMs = 1'000'000;

/// Rows of one thread, as a profiler makes them.
class Rows {
 public:
  ProfileRow row(Cause cause, const std::string& function, const std::string& task) {
    store_.add(1, ++id_, {{.kind = Frame::Kind::python, .function = function, .file = "app.py", .line = 7}});
    ProfileRow row;
    row.pid = 1;
    row.tid = 2;
    row.cause = cause;
    row.stack = store_.find(1, id_);
    if (!task.empty()) row.task = model::Task{.name = task, .coroutine = "main", .file = {}, .line = 0};
    return row;
  }

 private:
  model::StackStore store_;
  std::uint64_t id_ = 0;
};

model::ProfileReport report_of(model::Timeline timeline) {
  model::ProfileReport report;
  report.head.targets.push_back({.pid = 1, .comm = "app", .python = "3.13.0"});
  model::ProfileThread thread;
  thread.pid = 1;
  thread.tid = 2;
  thread.thread = "MainThread";
  report.threads.push_back(thread);
  report.time_ns = 2000 * kMs;
  report.elapsed_ns = 1000 * kMs;
  report.timeline = std::move(timeline);
  return report;
}

/// {"track/depth/name": [count, ms]}
json slices_of(const json& read) {
  json found = json::object();
  for (const auto& slice : read["slices"]) {
    const auto key = slice[0].get<std::string>() + "/" + std::to_string(slice[1].get<int>()) + "/" +
                     slice[2].get<std::string>();
    found[key] = {slice[3], slice[4].get<double>() / 1e6};
  }
  return found;
}

TEST_CASE("perfetto: stalls with hostile names are whole, ordered slices inside each other", "[exports]") {
  const auto read = read_trace(output::perfetto_trace(samples::hostile_run().report()));
  CHECK(read["slices"].size() >= 12);
}

TEST_CASE("perfetto: a profile's samples and waits lie in their tasks, split where the task changes", "[exports]") {
  Rows make;
  model::Timeline timeline;
  // Two tasks in the same function are one stretch of the thread, and two of the tasks.
  timeline.add_sample(make.row(Cause::python, "work", "a"), 1010 * kMs, 10 * kMs);
  timeline.add_sample(make.row(Cause::python, "work", "a"), 1020 * kMs, 10 * kMs);
  timeline.add_sample(make.row(Cause::python, "work", "b"), 1030 * kMs, 10 * kMs);
  timeline.add_wait(make.row(Cause::sleep, "nap", "b"), 1030 * kMs, 5 * kMs);
  // Without a task: a plain callback, then a task in the same function.
  timeline.add_wait(make.row(Cause::file, "log", ""), 1040 * kMs, 2 * kMs);
  timeline.add_sample(make.row(Cause::python, "log", ""), 1044 * kMs, 2 * kMs);
  timeline.add_sample(make.row(Cause::python, "log", "c"), 1046 * kMs, 2 * kMs);
  timeline.add_wait(make.row(Cause::sleep, "nap", "b"), 1050 * kMs, 3 * kMs);
  auto ready = make.row(Cause::cpu_wait, "nap", "b");
  ready.culprit = model::Runners{{{.pid = 9, .comm = "make", .ns = 0}}};
  timeline.add_wait(ready, 1053 * kMs, 4 * kMs);
  const auto slices = slices_of(read_trace(output::profile_trace(report_of(std::move(timeline)), {})));
  const json expected = {{"MainThread/0/a", {1, 20.0}},
                         {"MainThread/0/b", {2, 22.0}},
                         {"MainThread/1/python in work", {2, 30.0}},
                         {"MainThread/1/sleep in nap", {2, 8.0}},
                         {"MainThread/1/cpu-wait in nap", {1, 4.0}},
                         {"MainThread/0/file in log", {1, 2.0}},
                         {"MainThread/0/python in log", {1, 2.0}},
                         {"MainThread/0/c", {1, 2.0}},
                         {"MainThread/1/python in log", {1, 2.0}},
                         {"had the CPU instead/0/make (pid 9)", {1, 4.0}}};
  CHECK(slices == expected);
}

TEST_CASE("perfetto: a timeline is bounded, and says what it left out", "[exports]") {
  Rows make;
  model::Timeline timeline(3);
  for (std::uint64_t i = 0; i < 10; ++i)
    timeline.add_wait(make.row(Cause::sleep, "nap", ""), (1000 + 10 * i) * kMs, 5 * kMs);
  CHECK(timeline.over() == 7);
  CHECK(timeline.threads().begin()->second.moments.all().size() == 3);
  // Two tasks that take turns in one function.
  model::Timeline turns(100);
  for (std::uint64_t i = 1; i <= 1000; ++i)
    turns.add_sample(make.row(Cause::python, "work", i % 2 == 0 ? "a" : "b"), i * 10 * kMs, 10 * kMs);
  CHECK(turns.threads().begin()->second.tasks.size() <= 100);
  CHECK(turns.over() > 890);
}

TEST_CASE("perfetto: await sites are counters, of sites that turned out to be one the sum", "[exports]") {
  model::AwaitTable table;
  const auto site = [&](const std::string& awaits) {
    model::AwaitSite one;
    one.coroutine = "main";
    one.place = {.kind = Frame::Kind::python, .function = "f", .file = "a.py", .line = 3};
    one.awaits = awaits;
    return table.site(one);
  };
  const auto unclear = site("future"), clear = site("sleep"), other = site("lock");
  using Seen = std::vector<model::AwaitSeen>;
  table.keep_curves();
  const auto look = [&](std::uint64_t ms, const Seen& seen) { table.add_snapshot(ms * kMs, ms * kMs, seen); };
  look(100, Seen{{1, 1, unclear}, {2, 2, clear}, {3, 3, other}});
  look(110, Seen{{1, 1, clear}, {2, 2, clear}, {3, 3, other}});
  look(120, Seen{{1, 4, clear}, {3, 3, other}});
  table.merge(unclear, clear);
  using Point = model::AwaitCurve::Point;
  const auto curves = table.curves(10);
  REQUIRE(curves.size() == 2);
  CHECK(curves[0].site.awaits == "sleep");
  CHECK(curves[0].points == std::vector<Point>{{100 * kMs, 2}, {120 * kMs, 1}});
  CHECK(curves[1].points == std::vector<Point>{{100 * kMs, 1}});
  CHECK(table.curves(1).size() == 1);
  model::AwaitsSummary summary;
  summary.time_ns = 130 * kMs;
  summary.elapsed_ns = 30 * kMs;
  summary.first_ns = table.first_ns();
  summary.watched_ns = table.watched_ns();
  const auto counters = read_trace(output::awaits_trace(1, "app", curves, summary, {}))["counters"];
  const json expected = {{"sleep: f (a.py:3), main", {{0, 2}, {20 * kMs, 1}}},
                         {"lock: f (a.py:3), main", {{0, 1}, {20 * kMs, 1}}}};
  CHECK(counters == expected);
}

}  // namespace
}  // namespace aiotrace

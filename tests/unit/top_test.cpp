// Rows of the live view: from the counters at two moments; sorted, filtered, merged.
#include <string>
#include <vector>

#include "model/histogram.h"
#include "model/top_row.h"
#include "model/top_table.h"
#include "tests/catch.h"

using namespace aiotrace::model;

namespace {

constexpr std::uint64_t kMs = 1'000'000;
constexpr std::uint64_t kSecond = 1'000 * kMs;

LoopNow loop(std::uint32_t pid, std::uint32_t tid, const std::string& command = "python3") {
  LoopNow now;
  now.pid = pid;
  now.tid = tid;
  now.command = command;
  now.thread = "MainThread";
  now.kind = LoopKind::asyncio;
  return now;
}

void run(LoopNow& now, std::uint64_t iterations, std::uint64_t ns) {
  now.counters.iterations += iterations;
  now.counters.busy_ns += iterations * ns;
  now.counters.max_ns = std::max(now.counters.max_ns, ns);
  now.counters.buckets[histogram_bucket(ns)] += static_cast<std::uint32_t>(iterations);
}

Stall stall(std::uint64_t id, std::uint32_t pid, std::uint32_t tid, Cause cause, std::uint64_t ns) {
  Stall made;
  made.id = id;
  made.pid = pid;
  made.tid = tid;
  made.duration_ns = ns;
  made.cause_ns[index(cause)] = ns;
  Segment segment;
  segment.cause = cause;
  segment.ns = ns;
  segment.stack = Stack{{Frame::Kind::python, "load", "/srv/app.py", 12}};
  made.segments.push_back(segment);
  return made;
}

TopRow row(const std::string& service, std::uint32_t pid, std::uint64_t stalled_ns, double busy) {
  TopRow made;
  made.service = service;
  made.pid = pid;
  made.tid = pid;
  made.cause_ns[index(Cause::python)] = stalled_ns;
  made.stalls = stalled_ns != 0 ? 1 : 0;
  made.busy = busy;
  made.iterations_per_s = 10;
  return made;
}

std::vector<std::string> services(const std::vector<TopRow>& rows) {
  std::vector<std::string> names;
  for (const auto& each : rows) names.push_back(each.service);
  return names;
}

}  // namespace

TEST_CASE("a row is the difference of two moments", "[top]") {
  TopTable table(50 * kMs);
  auto now = loop(7, 8);
  run(now, 1000, 90 * kMs);  // before the view began
  table.refresh(kSecond, {now}, {}, {});
  REQUIRE(table.rows().size() == 1);
  CHECK_FALSE(table.rows()[0].busy.has_value());
  CHECK_FALSE(table.rows()[0].p99_ns.has_value());

  run(now, 40, 5 * kMs);
  table.refresh(3 * kSecond, {now}, {{7, "web"}}, {});
  const auto one = table.rows()[0];
  CHECK(one.service == "web");
  CHECK(one.busy == Approx(0.1));
  CHECK(one.iterations_per_s == Approx(20));
  // Not the longest so far: known within the eighth of a bucket.
  REQUIRE(one.longest_ns.has_value());
  CHECK(*one.longest_ns >= 5 * kMs);
  CHECK(*one.longest_ns <= 5 * kMs * 9 / 8);
  CHECK(*one.p99_ns <= *one.longest_ns);
  CHECK(one.longest_each_ns.size() == 2);

  run(now, 1, 123 * kMs);
  table.refresh(4 * kSecond, {now}, {}, {});
  CHECK(table.rows()[0].longest_ns == 123 * kMs);
  CHECK(table.rows()[0].longest_each_ns.back() == 123 * kMs);
  CHECK(table.rows()[0].service == "web");
  CHECK(table.remembered_ns() == 3 * kSecond);
}

TEST_CASE("the longest iteration and the percentile are of the last intervals only", "[top]") {
  TopTable table(50 * kMs);
  auto now = loop(7, 8);
  table.refresh(kSecond, {now}, {}, {});
  run(now, 1, 40 * kMs);
  table.refresh(2 * kSecond, {now}, {}, {});
  CHECK(table.rows()[0].longest_ns == 40 * kMs);
  for (std::uint64_t i = 0; i < kTopRecent; ++i) table.refresh((3 + i) * kSecond, {now}, {}, {});
  CHECK_FALSE(table.rows()[0].longest_ns.has_value());
  CHECK(table.rows()[0].longest_each_ns.size() == kTopRecent + 2);
}

TEST_CASE("an iteration that goes on is busy time, and a stall from --warn on", "[top]") {
  TopTable table(50 * kMs);
  auto now = loop(7, 8);
  table.refresh(kSecond, {now}, {}, {});
  now.present_ns = 600 * kMs;
  now.present_seen_ns = 500 * kMs;
  auto report = stall(1, 7, 8, Cause::sleep, 400 * kMs);
  report.ongoing = true;
  table.add(report);
  table.refresh(2 * kSecond, {now}, {}, {});
  const auto going = table.rows()[0];
  CHECK(going.busy == Approx(0.5));
  CHECK(going.stalls == 1);
  CHECK(going.ongoing_ns == 600 * kMs);
  CHECK(going.longest_ns == 600 * kMs);
  CHECK(going.cause_ns[index(Cause::sleep)] == 400 * kMs);
  // It was not read since the last report.
  CHECK(going.cause_ns[index(Cause::unknown)] == 200 * kMs);

  table.add(stall(1, 7, 8, Cause::sleep, 700 * kMs));
  now.present_ns = now.present_seen_ns = 0;
  run(now, 1, 700 * kMs);
  table.refresh(3 * kSecond, {now}, {}, {});
  const auto ended = table.rows()[0];
  CHECK(ended.stalls == 1);
  CHECK(ended.ongoing_ns == 0);
  CHECK(ended.stalled_ns() == 700 * kMs);
  // Reported twice, kept once.
  CHECK(table.stalls_of({7, 8}).size() == 1);
}

TEST_CASE("stalls are counted for a minute of refreshes", "[top]") {
  TopTable table(50 * kMs);
  const auto now = loop(7, 8);
  std::uint64_t time_ns = kSecond;
  table.refresh(time_ns, {now}, {}, {});
  table.add(stall(1, 7, 8, Cause::file, 60 * kMs));
  table.refresh(time_ns += kSecond, {now}, {}, {});
  for (std::size_t i = 1; i < kTopIntervals; ++i) table.refresh(time_ns += kSecond, {now}, {}, {});
  CHECK(table.rows()[0].stalls == 1);
  CHECK(table.rows()[0].longest_each_ns.size() == kTopIntervals);
  table.refresh(time_ns += kSecond, {now}, {}, {});
  CHECK(table.rows()[0].stalls == 0);
  CHECK(table.rows()[0].stalled_ns() == 0);
  CHECK(table.remembered_ns() == kTopIntervals * kSecond);
  // Known data about places is kept.
  REQUIRE(table.places_of({7, 8}).size() == 1);
  CHECK(table.places_of({7, 8})[0].function == "load");
  CHECK(table.places_of({7, 8})[0].line == 12);
}

TEST_CASE("the row of a loop that has ended stays for some intervals", "[top]") {
  TopTable table(50 * kMs);
  auto now = loop(7, 8);
  table.refresh(kSecond, {now, loop(9, 9)}, {}, {});
  table.add(stall(1, 7, 8, Cause::file, 60 * kMs));
  for (std::uint64_t i = 0; i < kTopRecent; ++i) {
    table.refresh((2 + i) * kSecond, {loop(9, 9)}, {}, {});
    REQUIRE(table.rows().size() == 2);
    CHECK(table.rows()[0].ended);
    CHECK_FALSE(table.rows()[0].busy.has_value());
    CHECK_FALSE(table.rows()[1].ended);
  }
  table.refresh(kSecond * 60, {loop(9, 9)}, {}, {});
  CHECK(table.rows().size() == 1);
  CHECK(table.stalls_of({7, 8}).empty());
  // Its id is another loop's now.
  for (std::uint64_t id = 2; id < 40; ++id) table.add(stall(id, 7, 8, Cause::file, 60 * kMs));
  CHECK(table.stalls_of({7, 8}).size() == TopTable::kMaxStallsOfLoop);
}

TEST_CASE("stalls and places that are kept are bounded", "[top]") {
  TopTable table(50 * kMs);
  for (std::uint64_t id = 1; id <= 2000; ++id) {
    auto one = stall(id, static_cast<std::uint32_t>(1 + id % 100), 1, Cause::file, id * kMs);
    one.segments[0].stack->front().line = static_cast<std::uint32_t>(id);
    table.add(one);
  }
  std::size_t kept = 0;
  for (std::uint32_t pid = 1; pid <= 100; ++pid) kept += table.stalls_of({pid, 1}).size();
  CHECK(kept == TopTable::kMaxStalls);
  CHECK(table.stalls_of({1, 1})[0]->id == 2000);  // the newest first
  TopTable one_loop(50 * kMs);
  for (std::uint64_t id = 1; id <= 500; ++id) {
    auto one = stall(id, 1, 1, Cause::file, id * kMs);
    one.segments[0].stack->front().line = static_cast<std::uint32_t>(id);
    one_loop.add(one);
  }
  const auto places = one_loop.places_of({1, 1});
  CHECK(places.size() == TopTable::kMaxPlaces);
  CHECK(places.front().ns == 500 * kMs);
}

TEST_CASE("rows are sorted by what is asked, equal ones stay in their places", "[top]") {
  std::vector<TopRow> rows{row("b", 2, 0, 0.1), row("a", 3, 5, 0.9), row("a", 1, 0, 0.5)};
  rows[0].busy.reset();
  sort_rows(rows, TopSort::stalled, false);
  CHECK(services(rows) == std::vector<std::string>{"a", "a", "b"});
  CHECK(rows[0].pid == 3);
  CHECK(rows[1].pid == 1);
  sort_rows(rows, TopSort::busy, false);
  CHECK(rows[0].pid == 3);
  CHECK(rows[2].pid == 2);  // not known
  sort_rows(rows, TopSort::pid, false);
  CHECK(rows[0].pid == 1);
  sort_rows(rows, TopSort::pid, true);
  CHECK(rows[0].pid == 3);
  sort_rows(rows, TopSort::iterations, false);
  CHECK(rows[0].pid == 1);
  CHECK(rows[2].pid == 2);
}

TEST_CASE("a filter looks at all names of a row, whatever the case", "[top]") {
  auto one = row("Web-Front", 1234, 0, 0);
  one.command = "gunicorn";
  one.thread = "loop-7";
  for (const auto* text : {"", "web", "FRONT", "123", "unic", "loop-7"}) CHECK(matches(one, text));
  for (const auto* text : {"db", "1235", "web front"}) CHECK_FALSE(matches(one, text));
}

TEST_CASE("a service is the sum of its loops and the worst of them", "[top]") {
  std::vector<TopRow> rows{row("web", 1, 5, 0.2), row("web", 2, 7, 0.6), row("db", 3, 0, 0.1), row("web", 2, 0, 0.1)};
  rows[3].tid = 99;
  rows[0].longest_each_ns = {1, 9};
  rows[1].longest_each_ns = {5, 1, 1};
  rows[1].looks = rows[3].looks = {.leaks = 4, .tasks = 10, .hangs = 1, .verdict = HangVerdict::held};
  rows[0].looks = {.leaks = 1, .tasks = {}, .hangs = 1, .verdict = HangVerdict::deadlock};
  const auto merged = merge_by_service(rows);
  REQUIRE(merged.size() == 2);
  CHECK(merged[0].service == "db");
  CHECK(merged[0].pid == 3);
  const auto& web = merged[1];
  CHECK(web.loops == 3);
  CHECK(web.processes == 2);
  CHECK(web.pid == 0);
  CHECK(web.busy == Approx(0.6));
  CHECK(web.iterations_per_s == Approx(30));
  CHECK(web.stalled_ns() == 12);
  CHECK(web.stalls == 2);
  CHECK(web.longest_each_ns == std::vector<std::uint64_t>{5, 1, 9});
  // The findings of looks belong to the process: they count once, although it has two loops.
  CHECK(web.looks.leaks == 5);
  CHECK(web.looks.tasks == 10);
  CHECK(web.looks.hangs == 2);
  CHECK(web.looks.verdict == HangVerdict::deadlock);
}

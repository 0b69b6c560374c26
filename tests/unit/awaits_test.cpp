#include "model/awaits.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <span>
#include <utility>

#include "app/await_sampler.h"
#include "tests/catch.h"
#include "util/clock.h"

using namespace aiotrace::model;

namespace {

AwaitSite site_at(std::uint32_t line) {
  AwaitSite site;
  site.coroutine = "root";
  site.place = {.kind = Frame::Kind::python, .function = "f", .file = "a.py", .line = line};
  site.awaits = "sleep";
  return site;
}

constexpr std::uint64_t kMs = 1'000'000;

}  // namespace

TEST_CASE("awaits: time is that between snapshots, an await is counted once", "[awaits]") {
  AwaitTable table;
  const auto a = table.site(site_at(1)), b = table.site(site_at(2));
  CHECK(a != b);
  CHECK(table.site(site_at(1)) == a);
  const std::vector<AwaitSeen> both = {{.task = 1, .await = 10, .site = a}, {.task = 2, .await = 20, .site = b}};
  const std::vector<AwaitSeen> next = {{.task = 1, .await = 11, .site = a}, {.task = 2, .await = 20, .site = b}};
  const std::vector<AwaitSeen> one = {{.task = 2, .await = 20, .site = b}};
  table.add_snapshot(100 * kMs, 100 * kMs, both);
  table.add_snapshot(110 * kMs, 110 * kMs, next);
  table.add_snapshot(130 * kMs, 130 * kMs, one);
  const auto rows = table.rows();
  REQUIRE(rows.size() == 2);
  CHECK(table.watched_ns() == 30 * kMs);
  CHECK(rows[0].site.place.line == 2);
  CHECK(rows[0].total_ns == 30 * kMs);
  CHECK(rows[0].count == 1);
  CHECK(rows[0].in_flight == 1);
  CHECK(rows[0].longest_ns == 30 * kMs);
  CHECK(rows[0].mean_ns == 30 * kMs);
  CHECK_FALSE(rows[0].estimate);
  // Two awaits; the second ended somewhere in the last 20 ms: half of them.
  CHECK(rows[1].total_ns == 20 * kMs);
  CHECK(rows[1].count == 2);
  CHECK(rows[1].in_flight == 0);
  CHECK(rows[1].snapshots == 2);
  CHECK(rows[1].longest_ns == 0);
  CHECK(rows[1].estimate);
}

TEST_CASE("awaits: the true total is within the error, also of tasks that wait in step", "[awaits]") {
  // Tasks that wait 30 of each 70 ms, looked at every 10 to 30 ms, for a minute.
  std::uint64_t random = 1;
  const auto next = [&random] { return (random = random * 6364136223846793005ULL + 1442695040888963407ULL) >> 33; };
  int inside = 0;
  double errors = 0;
  constexpr int kTrials = 200;
  for (int trial = 0; trial < kTrials; trial++) {
    const bool in_step = trial % 2 == 0;
    AwaitTable table;
    const auto site = table.site(site_at(1));
    constexpr std::uint64_t kTasks = 20, kPeriodNs = 70 * kMs, kWaitNs = 30 * kMs, kWatchedNs = 60'000 * kMs;
    std::vector<std::uint64_t> phase(kTasks);
    for (auto& one : phase) one = in_step ? 0 : next() % kPeriodNs;
    double truth = 0;
    for (const auto one : phase) {
      for (std::uint64_t at = one; at < kWatchedNs + kPeriodNs; at += kPeriodNs) {
        const auto begin = at < kPeriodNs ? 0 : at - kPeriodNs;
        truth += static_cast<double>(std::min(kWatchedNs, at < kPeriodNs ? 0 : begin + kWaitNs) -
                                     std::min(kWatchedNs, begin));
      }
    }
    for (std::uint64_t now = 0;;) {
      std::vector<AwaitSeen> seen;
      for (std::uint64_t task = 0; task < kTasks; task++) {
        const auto since = now + kPeriodNs - phase[task];
        if (since % kPeriodNs < kWaitNs) seen.push_back({.task = task, .await = since / kPeriodNs, .site = site});
      }
      table.add_snapshot(1000 + now, 1000 + now, seen);
      if (now == kWatchedNs) break;
      now = std::min(kWatchedNs, now + 10 * kMs + next() % (20 * kMs));
    }
    const auto rows = table.rows();
    REQUIRE(rows.size() == 1);
    // Tasks that wait across the beginning: at most one await of each task.
    const double off = std::abs(static_cast<double>(rows[0].total_ns) - truth);
    const double ends = kTasks * static_cast<double>(kWaitNs);
    errors += static_cast<double>(rows[0].error_ns) / truth;
    if (off <= static_cast<double>(rows[0].error_ns) + ends) inside++;
  }
  CHECK(inside >= kTrials * 95 / 100);
  CHECK(errors / kTrials < 0.05);
}

TEST_CASE("awaits: the longest is not longer than it was, however long the reading took", "[awaits]") {
  AwaitTable table;
  const std::vector<AwaitSeen> seen = {{.task = 1, .await = 10, .site = table.site(site_at(1))}};
  // It may have begun at 104 ms, while other tasks were read.
  table.add_snapshot(100 * kMs, 105 * kMs, seen);
  CHECK(table.rows()[0].longest_ns == 0);
  table.add_snapshot(120 * kMs, 128 * kMs, seen);
  CHECK(table.rows()[0].longest_ns == 15 * kMs);
  table.add_snapshot(140 * kMs, 140 * kMs, {});
  CHECK(table.rows()[0].longest_ns == 15 * kMs);
}

TEST_CASE("awaits: what is merged is one site from then on", "[awaits]") {
  AwaitTable table;
  const auto turn = table.site(site_at(1)), sleep = table.site(site_at(2));
  const std::vector<AwaitSeen> first = {{.task = 1, .await = 10, .site = turn}};
  const std::vector<AwaitSeen> then = {{.task = 1, .await = 10, .site = sleep}};
  table.add_snapshot(0, 0, first);
  table.add_snapshot(10 * kMs, 10 * kMs, first);
  table.merge(turn, sleep);
  table.add_snapshot(20 * kMs, 20 * kMs, then);
  table.add_snapshot(30 * kMs, 30 * kMs, first);
  const auto rows = table.rows();
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].site.place.line == 2);
  CHECK(rows[0].count == 1);
  CHECK(rows[0].total_ns == 30 * kMs);
  CHECK(rows[0].longest_ns == 30 * kMs);
}

TEST_CASE("awaits: merged again and again it is still one site", "[awaits]") {
  AwaitTable table;
  std::vector<std::size_t> sites;
  for (std::uint32_t line = 1; line <= 4; line++) sites.push_back(table.site(site_at(line)));
  table.add_snapshot(0, 0, std::vector<AwaitSeen>{{.task = 1, .await = 1, .site = sites[0]}});
  table.merge(sites[0], sites[1]);
  table.merge(sites[1], sites[2]);
  table.merge(sites[3], sites[0]);
  table.add_snapshot(10 * kMs, 10 * kMs, std::vector<AwaitSeen>{{.task = 1, .await = 1, .site = sites[3]}});
  const auto rows = table.rows();
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].site.place.line == 3);
  CHECK(rows[0].count == 1);
  CHECK(rows[0].total_ns == 10 * kMs);
}

namespace {

namespace python = aiotrace::python;

// One task at a line, in a sleep until `due_ns`; nothing: its timer was not seen.
python::TaskSnapshot asleep(std::uint64_t taken_ns, std::optional<std::uint64_t> due_ns,
                            std::uint64_t future = 0x5000) {
  static const auto code = std::make_shared<const python::CodeInfo>(
      python::CodeInfo{.function = "f", .file = "a.py", .first_line = 1, .flags = 0, .lines = {}, .locals = {}});
  python::Task task;
  task.object = 0x1000;
  task.coroutine = "f";
  task.stack = {{.code = code, .code_at = 0x2000, .coroutine_at = 0x3000, .line = 2}};
  task.waits_for.kind = python::WaitKind::sleep;
  task.waits_for.object = future;
  if (due_ns) task.waits_for.left_ns = static_cast<std::int64_t>(*due_ns - taken_ns);
  python::TaskSnapshot snapshot;
  snapshot.taken_ns = snapshot.read_ns = taken_ns;
  snapshot.tasks = {task};
  return snapshot;
}

using Tasks = std::vector<std::optional<python::Task>>;

std::uint64_t awaits_in(const std::vector<python::TaskSnapshot>& snapshots) {
  aiotrace::app::AwaitSampler sampler({}, false);
  for (const auto& snapshot : snapshots) {
    sampler.add(snapshot, [&](std::span<const python::Task* const> tasks, std::uint64_t) {
      REQUIRE(tasks.size() == 1);
      return Tasks{snapshot.tasks.front()};
    });
  }
  const auto rows = sampler.sites().rows();
  REQUIRE(rows.size() == 1);
  return rows[0].count;
}

}  // namespace

TEST_CASE("awaits: a sleep is one await until its end changes, whether its timer is seen or not", "[awaits]") {
  using Snapshots = std::vector<python::TaskSnapshot>;
  CHECK(awaits_in(Snapshots{asleep(1 * kMs, 40 * kMs), asleep(11 * kMs, 40 * kMs)}) == 1);
  CHECK(awaits_in(Snapshots{asleep(1 * kMs, {}), asleep(11 * kMs, 40 * kMs), asleep(21 * kMs, {})}) == 1);
  // The next future is at the address of the last one.
  CHECK(awaits_in(Snapshots{asleep(1 * kMs, 40 * kMs), asleep(41 * kMs, 80 * kMs)}) == 2);
  CHECK(awaits_in(Snapshots{asleep(1 * kMs, 40 * kMs), asleep(38 * kMs, {}), asleep(48 * kMs, 80 * kMs)}) == 2);
  CHECK(awaits_in(Snapshots{asleep(1 * kMs, {}), asleep(11 * kMs, {}, 0x6000)}) == 2);
  // It went from one to the next while it was read: the future belongs to the next await and the end does not, or the
  // reverse.
  const auto last = asleep(31 * kMs, 40 * kMs, 0x5000), next = asleep(51 * kMs, 80 * kMs, 0x6000);
  CHECK(awaits_in(Snapshots{last, asleep(41 * kMs, 40 * kMs, 0x6000), next}) == 2);
  CHECK(awaits_in(Snapshots{last, asleep(41 * kMs, 80 * kMs, 0x5000), next}) == 2);
}

TEST_CASE("awaits: a task that seems to have gone on is read again, and counts as it is then", "[awaits]") {
  const auto at_line = [](std::uint64_t taken_ns, std::uint32_t line, std::uint64_t future) {
    auto snapshot = asleep(taken_ns, {}, future);
    snapshot.tasks.front().stack.front().line = line;
    return snapshot;
  };
  // From line 2 to line 3: in between the new line was read with the old future.
  const auto before = at_line(10, 2, 0x5000), between = at_line(20, 3, 0x5000), after = at_line(30, 3, 0x6000);
  const auto counts = [&](const std::map<std::uint64_t, std::optional<python::Task>>& truth) {
    aiotrace::app::AwaitSampler sampler({}, false);
    std::uint64_t again = 0;
    for (const auto& snapshot : {before, between, after}) {
      sampler.add(snapshot, [&](std::span<const python::Task* const>, std::uint64_t taken_ns) {
        again++;
        const auto found = truth.find(taken_ns);
        return Tasks{found != truth.end() ? found->second : snapshot.tasks.front()};
      });
    }
    std::map<std::uint32_t, std::uint64_t> by_line;
    for (const auto& row : sampler.sites().rows()) by_line[row.site.place.line] = row.count;
    return std::pair(again, by_line);
  };
  using ByLine = std::map<std::uint32_t, std::uint64_t>;
  // The first time it is new.
  CHECK(counts({}) == std::pair(std::uint64_t{3}, ByLine{{2, 1}, {3, 2}}));
  CHECK(counts({{20, after.tasks.front()}}) == std::pair(std::uint64_t{2}, ByLine{{2, 1}, {3, 1}}));
  CHECK(counts({{20, before.tasks.front()}}) == std::pair(std::uint64_t{3}, ByLine{{2, 1}, {3, 1}}));
  // Then nothing waits, and it is new again.
  CHECK(counts({{20, std::nullopt}}) == std::pair(std::uint64_t{3}, ByLine{{2, 1}, {3, 1}}));
}

TEST_CASE("awaits: what there was no time to read again makes no site until it is seen twice", "[awaits]") {
  constexpr std::size_t kTasks = 40;
  constexpr std::size_t kRead = 16;  // at once
  const auto all_at = [](std::uint64_t taken_ns, std::uint32_t first_line, std::uint32_t line) {
    auto snapshot = asleep(taken_ns, {});
    const auto task = snapshot.tasks.front();
    snapshot.tasks.clear();
    for (std::size_t i = 0; i < kTasks; i++) {
      snapshot.tasks.push_back(task);
      snapshot.tasks.back().object = 0x10000 + i;
      snapshot.tasks.back().stack.front().line = i < kRead ? first_line : line;
    }
    return snapshot;
  };
  aiotrace::app::AwaitSampler sampler({}, false);
  const auto counts = [&sampler] {
    std::map<std::uint32_t, std::uint64_t> by_line;
    for (const auto& row : sampler.sites().rows()) by_line[row.site.place.line] = row.count;
    return by_line;
  };
  using ByLine = std::map<std::uint32_t, std::uint64_t>;
  const auto read = [](std::uint64_t for_ns) {
    return [for_ns](std::span<const python::Task* const> tasks, std::uint64_t) {
      const auto begin_ns = aiotrace::monotonic_ns();
      while (aiotrace::monotonic_ns() - begin_ns < for_ns) continue;
      Tasks again;
      for (const auto* task : tasks) again.emplace_back(*task);
      return again;
    };
  };
  sampler.add(all_at(10, 2, 2), read(0));
  // Longer than all of them may take.
  constexpr std::uint64_t kLongNs = 20 * kMs;
  sampler.add(all_at(20, 3, 4), read(kLongNs));
  CHECK(counts() == ByLine{{2, kTasks}, {3, kRead}});
  sampler.add(all_at(30, 3, 4), read(kLongNs));
  CHECK(counts() == ByLine{{2, kTasks}, {3, kRead}, {4, kTasks - kRead}});
}

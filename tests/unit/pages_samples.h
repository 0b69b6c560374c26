// Data for the pages of the commands and of a comparison, with harmless names or with those that attack their readers.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "model/comparison.h"
#include "model/leak_history.h"
#include "output/page/awaits.h"
#include "output/page/comparison.h"
#include "output/page/exact_awaits.h"
#include "output/page/leaks.h"
#include "output/page/profile.h"
#include "tests/unit/exports_samples.h"

namespace aiotrace::samples {

/// Maps a name to itself, or to something hostile.
using Named = std::function<std::string(std::string)>;
inline std::string harmless(std::string name) { return name; }
inline std::string hostile(std::string name) { return hostile_name() + std::move(name); }
inline std::string huge(std::string name) { return std::string(1'000, '<') + std::move(name); }

struct Compared {
  model::Comparison comparison;
  model::StackComparison stacks;
  [[nodiscard]] std::string page() const {
    return output::comparison_page(comparison, stacks, "runs/before.aiorec", "runs/after.aiorec");
  }
};

/// Ten seconds before, twenty after: `gone` and `new` at one place each, `slower` three times as long a second,
/// `faster` a quarter, `same` as before.
inline Compared compared(const Named& name = harmless) {
  const auto side = [&](std::uint64_t elapsed_ms, const std::vector<std::pair<std::string, std::uint64_t>>& stalls,
                        const std::string& release) {
    auto summary = samples::summary();
    summary.elapsed_ns = elapsed_ms * kMs;
    summary.stalls = stalls.size();
    summary.errors = 0;
    summary.cause_ns = {};
    summary.places.clear();
    model::WeightedStacks stacks("stalled", "segments", model::WeightedStacks::Unit::nanoseconds);
    for (const auto& [function, ms] : stalls) {
      auto stall = samples::stall();
      stall.segments.resize(1);
      stall.segments[0].ns = ms * kMs;
      stall.segments[0].stack = model::Stack{python(name(function), "/srv/" + release + "/" + name("app.py"), 7),
                                             python(name("handle"), "/srv/" + release + "/app.py", 3)};
      add_stall(stacks, stall);
      model::Place place;
      place.cause = model::Cause::network;
      place.syscall = name("recvfrom");
      place.function = name(function);
      place.file = "/srv/" + release + "/" + name("app.py");
      place.line = 7;
      place.ns = ms * kMs;
      place.stalls = 2;
      place.max_ns = ms * kMs / 2;
      summary.places.push_back(place);
      summary.cause_ns[model::index(model::Cause::network)] += ms * kMs;
    }
    return std::pair(summary, stacks);
  };
  const auto [before, stacks_before] = side(10'000, {{"gone", 400}, {"slower", 300}, {"faster", 800}, {"same", 200}},
                                            "1.0");
  const auto [after, stacks_after] = side(20'000, {{"new", 500}, {"slower", 1'800}, {"faster", 400}, {"same", 400}},
                                          "1.1");
  return {.comparison = model::compare(before, after),
          .stacks = model::compare_stacks(stacks_before, before.elapsed_ns, stacks_after, after.elapsed_ns)};
}

/// This many sites, the first with most time.
inline std::string awaits_page(const Named& name = harmless, std::size_t sites = 12) {
  std::vector<model::AwaitRow> rows;
  model::WeightedStacks stacks("waited", "awaits", model::WeightedStacks::Unit::nanoseconds);
  for (std::size_t i = 0; i < sites; ++i) {
    model::AwaitRow row;
    const auto text = std::to_string(i);
    row.site.coroutine = name("main_" + text);
    row.site.place = python(name("fetch_" + text), name("app/client.py"), static_cast<std::uint32_t>(i + 1));
    row.site.awaits = name(i % 2 == 0 ? "asyncio.sleep" : "Queue.get");
    row.total_ns = (sites - i) * 1'000 * kMs;
    row.error_ns = 20 * kMs;
    row.count = 10 * (i + 1);
    row.in_flight = i;
    row.mean_ns = row.total_ns / row.count;
    row.longest_ns = i == 3 ? 0 : *row.mean_ns * 2;
    if (i == 3) row.mean_ns.reset();
    row.estimate = i % 3 == 0;
    const std::vector<model::WeightedFrame> frames{
        model::weighted_frame(python(row.site.coroutine, name("app/main.py"), 5)),
        model::weighted_frame(row.site.place), model::mark_frame(row.site.awaits)};
    stacks.add(frames, row.total_ns, row.count);
    rows.push_back(std::move(row));
  }
  const model::AwaitsSummary summary{.time_ns = 1'030'000 * kMs,
                                     .elapsed_ns = 30'000 * kMs,
                                     .snapshots = 601,
                                     .first_ns = 1'000'000 * kMs,
                                     .watched_ns = 30'000 * kMs,
                                     .tasks = 120,
                                     .slow_ns = 2'000 * kMs,
                                     .unreadable = 3,
                                     .torn = 1,
                                     .cpu_ns = 200 * kMs,
                                     .slower = true};
  return output::awaits_page(name("python3") + " (pid 1234)", rows, stacks, summary, context());
}

/// Every await of this many sites timed, and how late two kinds of tasks run.
inline std::string exact_awaits_page(const Named& name = harmless, std::size_t sites = 9) {
  model::ExactAwaits awaits;
  const auto durations = [](std::uint64_t count, std::uint64_t each_ns) {
    model::Durations made{.count = count, .total_ns = count * each_ns, .max_ns = each_ns, .buckets = {}};
    made.buckets[model::histogram_bucket(each_ns)] = static_cast<std::uint32_t>(count);
    return made;
  };
  for (std::size_t i = 0; i < sites; ++i) {
    model::AwaitSite site;
    site.coroutine = name("main_" + std::to_string(i));
    site.place = python(name("fetch_" + std::to_string(i)), name("app/client.py"), 9);
    site.awaits = name("Queue.get");
    awaits.add(site, durations(100, (sites - i) * kMs), {.count = i, .total_ns = i * kMs, .longest_ns = i * kMs / 2});
  }
  const std::vector<model::DelayRow> delays{
      {.tasks = name("worker-*"), .coroutine = "", .delay = durations(900, kMs)},
      {.tasks = "", .coroutine = name("main_1"), .delay = durations(90, 2 * kMs)}};
  const model::ExactSummary summary{.first_ns = 1'000'000 * kMs,
                                    .time_ns = 1'010'000 * kMs,
                                    .elapsed_ns = 10'000 * kMs,
                                    .slow_ns = 8 * kMs,
                                    .losses = {{"sites-full", 2}},
                                    .traps = 4'000,
                                    .run_ns = kMs,
                                    .cost_ns = 9 * kMs,
                                    .entry_ns = 700,
                                    .return_ns = 900,
                                    .most_share = 0.012,
                                    .max_share = 0.05,
                                    .too_dear = false,
                                    .cpu_ns = 100 * kMs};
  return output::exact_awaits_page(name("python3") + " (pid 1234)", awaits.rows(), delays, summary, context());
}

/// A profile of this many functions; off the CPU it waits for a peer, a file and the GIL.
inline std::string profile_page(model::ProfileMode mode, const Named& name = harmless, std::size_t functions = 10) {
  model::ProfileReport report;
  report.head = {.time_ns = 1'000'000 * kMs,
                 .version = "0.1.0",
                 .kernel = "6.18.5",
                 .mode = mode,
                 .by = model::ProfileBy::none,
                 .frequency_hz = mode == model::ProfileMode::off_cpu ? 0.0 : 99.0,
                 .min_ns = kMs,
                 .targets = {{.pid = 1234, .comm = name("python3"), .python = "3.13.1", .loops = 1}}};
  report.time_ns = 1'010'000 * kMs;
  report.elapsed_ns = 10'000 * kMs;
  report.samples = 990;
  static model::StackStore store;
  static std::uint64_t id = 0;
  const auto add = [&](model::ProfileRow::Kind kind, model::Cause cause, std::uint64_t ms,
                       const std::string& function) {
    model::ProfileRow row;
    row.kind = kind;
    row.pid = row.tid = 1234;
    row.thread = name("MainThread");
    row.cause = cause;
    row.ns = ms * kMs;
    row.count = ms;
    row.max_ns = kind == model::ProfileRow::Kind::wait ? 80 * kMs : 0;
    store.add(1234, ++id,
              {python(name(function), name("app/work.py"), 9), python(name("main"), name("app/main.py"), 2)});
    if (kind != model::ProfileRow::Kind::idle) row.stack = store.find(1234, id);
    row.holds_gil = mode == model::ProfileMode::gil && kind == model::ProfileRow::Kind::sample;
    if (cause == model::Cause::network) {
      row.syscall = "recvfrom";
      row.culprit = model::SocketEnds{.protocol = "tcp", .local = {}, .peer = name("10.0.0.5:443"), .dns = {}};
    }
    if (cause == model::Cause::gil) {
      row.culprit = model::GilHolder{.tid = 1300,
                                     .thread = name("worker"),
                                     .stack = {python(name("crunch"), "app/worker.py", 9)}};
    }
    report.rows.push_back(std::move(row));
  };
  using Kind = model::ProfileRow::Kind;
  if (mode != model::ProfileMode::off_cpu) {
    for (std::size_t i = 0; i < functions; ++i)
      add(Kind::sample, i % 4 == 3 ? model::Cause::kernel : model::Cause::python, 100 + functions - i,
          "work_" + std::to_string(i));
  }
  if (mode != model::ProfileMode::cpu) {
    add(Kind::wait, model::Cause::network, 900, "fetch");
    add(Kind::wait, model::Cause::file, 300, "store");
    add(Kind::wait, model::Cause::gil, 120, "crunch");
    add(Kind::idle, model::Cause::other, 4'000, "");
  }
  report.threads = {{.pid = 1234,
                     .tid = 1234,
                     .thread = name("MainThread"),
                     .elapsed_ns = 10'000 * kMs,
                     .cpu_ns = 1'000 * kMs,
                     .idle_ns = 4'000 * kMs,
                     .samples = 990}};
  report.process_cpu_ns = 1'010 * kMs;
  report.cost.cpu_ns = 90 * kMs;
  model::WeightedStacks stacks("time", "times", model::WeightedStacks::Unit::nanoseconds);
  model::add_profile(stacks, report.rows, model::ProfileBy::none, false);
  return output::profile_page(report, stacks, context());
}

/// This many scans of one process: `places` places, of which the first grows, the second is gone at the end.
inline std::string leaks_page(const Named& name = harmless, std::uint64_t scans = 12, std::size_t places = 9) {
  model::LeakHistory history;
  for (std::uint64_t number = 1; number <= scans; ++number) {
    std::vector<model::Leak> leaks;
    for (std::size_t i = 0; i < places; ++i) {
      if (i == 1 && number > scans / 2 && scans > 1) continue;
      model::Leak leak;
      leak.leak_class = static_cast<model::LeakClass>(i % (model::kLeakClasses - 1));
      leak.leak = number > 3 && i % 2 == 0;
      leak.place.coroutine = name("worker_" + std::to_string(i));
      leak.place.file = name("app/workers.py");
      leak.place.line = static_cast<std::uint32_t>(10 * i + 1);
      leak.place.stack = {python(name("Queue.get"), "/usr/lib/python3.11/asyncio/queues.py", 158),
                          python(leak.place.coroutine, leak.place.file, leak.place.line + 3)};
      leak.place.holder = model::LeakHolder{
          .kind = model::HolderKind::variable, .container = "list", .name = name("held"), .owner = name("app")};
      leak.count = i == 0 ? 5 * number : 4 + i;
      leak.bytes = *leak.count * 700;
      if (number > 1) leak.age_ns = (number - 1) * 10'000 * kMs;
      if (number > 1) leak.growth_per_minute = i == 0 ? 30.0 : 0.0;
      leak.growing = i == 0 && number > 2;
      leak.idle = i == 4;
      leak.pid = 1234;
      leak.scan = number;
      leaks.push_back(std::move(leak));
    }
    history.add({.number = number,
                 .time_ns = (1'000'000 + number * 10'000) * kMs,
                 .duration_ns = 40 * kMs,
                 .objects = 2'000 + number,
                 .pid = 1234},
                leaks);
  }
  model::LeakSummary summary;
  summary.elapsed_ns = (scans + 1) * 10'000 * kMs;
  summary.scans = scans;
  summary.max_scan_ns = 41 * kMs;
  summary.cpu_ns = 500 * kMs;
  return output::leaks_page(name("python3") + " (pid 1234)", history, summary, 30'000 * kMs,
                            (1'000'000 + (scans + 1) * 10'000) * kMs, context());
}

}  // namespace aiotrace::samples

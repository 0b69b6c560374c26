#include "output/json/run.h"

#include <algorithm>
#include <optional>
#include <string>

#include "output/json/leaks.h"
#include "output/json/parts.h"

namespace aiotrace::output {

template <>
struct JsonForm<model::Segment> {
  using T = model::Segment;
  static constexpr auto list = std::tuple{SHOWN(cause),
                                          SHOWN(ns),
                                          SHOWN(count),
                                          SHOWN(syscall),
                                          SHOWN(culprit),
                                          SHOWN(stack),
                                          form::made(
                                              "stack_cut",
                                              [](const T& segment, const OutputContext&) {
                                                return stack_cut(segment.stack_unreadable, segment.stack_too_deep);
                                              },
                                              &T::stack_unreadable, &T::stack_too_deep)};
};

template <>
struct JsonForm<model::HeldUp> {
  using T = model::HeldUp;
  static constexpr auto list = std::tuple{SHOWN(tasks), SHOWN(timers), form::shown("timers_at_least", &T::more_timers),
                                          form::made(
                                              "timers_late_ns",
                                              [](const T& held, const OutputContext&) {
                                                return held.timers ? Json(held.timers_late_ns) : Json(nullptr);
                                              },
                                              &T::timers_late_ns)};
};

template <>
struct JsonForm<model::Stall> {
  using T = model::Stall;
  static constexpr auto list = std::tuple{
      form::constant("type", "stall"),
      SHOWN(id),
      form::utc(&T::start_ns),
      SHOWN(start_ns),
      SHOWN(duration_ns),
      form::shown("level", &T::error, [](bool error) { return Json(error ? "error" : "warn"); }),
      SHOWN(ongoing),
      SHOWN(at_least),
      form::made(
          "start_known",
          [](const T& stall, const OutputContext&) { return Json(!stall.at_least || stall.start_known); },
          &T::start_known),
      SHOWN(held_up,
            [](const model::HeldUp& held) { return held.tasks || held.timers ? json_of(held) : Json(nullptr); }),
      SHOWN(pid),
      SHOWN(tid),
      SHOWN(thread),
      SHOWN(comm),
      form::made(
          "loop",
          [](const T& stall, const OutputContext&) {
            return Json{{"kind", json_of(stall.loop_kind)},
                        {"epfd", stall.epfd < 0 ? Json(nullptr) : Json(stall.epfd)}};
          },
          &T::loop_kind, &T::epfd),
      SHOWN(task),
      form::shown("causes", &T::cause_ns, causes_json),
      SHOWN(segments),
      SHOWN(callbacks),
      SHOWN(other_threads, form::kNonempty),  // null unless they were looked for
      SHOWN(losses),
      form::left_out(&T::moments)};  // for graphics
};

template <>
struct JsonForm<model::Watching> {
  using T = model::Watching;
  static constexpr auto list = std::tuple{form::constant("type", "watching"),
                                          form::constant("schema", model::kSchema),
                                          form::utc(&T::time_ns),
                                          SHOWN(version),
                                          SHOWN(kernel),
                                          SHOWN(warn_ns),
                                          SHOWN(error_ns),
                                          SHOWN(targets),
                                          form::left_out(&T::all, &T::starting)};
};

template <>
struct JsonForm<model::LoopSummary> {
  using T = model::LoopSummary;
  static constexpr auto list = std::tuple{SHOWN(pid),    SHOWN(tid),        SHOWN(thread),
                                          SHOWN(kind),   SHOWN(iterations), SHOWN(busy_ns),
                                          SHOWN(p50_ns), SHOWN(p99_ns),     SHOWN(max_ns),
                                          SHOWN(stalls), SHOWN(comm),       form::left_out(&T::buckets)};
};

template <>
struct JsonForm<model::SpinningLoop> {
  using T = model::SpinningLoop;
  static constexpr auto list = std::tuple{
      SHOWN(pid),  SHOWN(tid),      SHOWN(thread), SHOWN(iterations_per_s),     SHOWN(looks), SHOWN(same),
      SHOWN(task), SHOWN(callback), SHOWN(file),   SHOWN(line, form::kNonzero), SHOWN(fd),    SHOWN(ended)};
};

template <>
struct JsonForm<model::LostRecords> {
  using T = model::LostRecords;
  static constexpr auto list = std::tuple{SHOWN(pid), SHOWN(comm), SHOWN(records)};
};

template <>
struct JsonForm<model::Place> {
  using T = model::Place;
  static constexpr auto list = std::tuple{SHOWN(cause),
                                          SHOWN(syscall),
                                          SHOWN(function),
                                          SHOWN(file),
                                          SHOWN(line, form::kNonzero),
                                          SHOWN(coroutine),
                                          SHOWN(advice),
                                          SHOWN(others),
                                          SHOWN(ns),
                                          SHOWN(stalls),
                                          SHOWN(max_ns),
                                          form::shown("causes", &T::cause_ns, causes_json),
                                          SHOWN(comm)};
};

namespace {

// Null: they were not looked for.
Json hangs_json(const model::Summary& summary, const OutputContext& /*context*/) {
  if (summary.hang_looks == 0) return nullptr;
  const auto proved = std::ranges::count_if(summary.hangs, model::is_proved);
  return {{"looks", summary.hang_looks}, {"reported", summary.hangs.size()}, {"proved", proved}};
}

Json leaks_json(const model::Summary& summary, const OutputContext& /*context*/) {
  if (!summary.last_leak_scan) return nullptr;
  return {{"age_ns", model::kDefaultLeakAgeNs},
          {"leaks", leak_counts_json(model::count_leaks(summary.leaks, true))},
          {"candidates", leak_counts_json(model::count_leaks(summary.leaks, false))},
          {"not_judged", summary.last_leak_scan->unclassified}};
}

}  // namespace

template <>
struct JsonForm<model::Summary> {
  using T = model::Summary;
  static constexpr auto list = std::tuple{form::constant("type", "summary"),
                                          form::utc(&T::time_ns),
                                          SHOWN(elapsed_ns),
                                          SHOWN(stalls),
                                          SHOWN(errors),
                                          SHOWN(loops),
                                          SHOWN(unseen_loops),
                                          SHOWN(spinning_loops),
                                          SHOWN(taken_over),
                                          form::shown("causes", &T::cause_ns, causes_json),
                                          SHOWN(places),
                                          form::made("leaks", leaks_json, &T::leaks, &T::last_leak_scan),
                                          form::made("hangs", hangs_json, &T::hangs, &T::hang_looks),
                                          SHOWN(losses, losses_json),
                                          SHOWN(lost_by),
                                          SHOWN(cost),
                                          form::left_out(&T::warn_ns, &T::error_ns)};  // these are in `watching`
};

Status JsonOutput::watching(const model::Watching& watching) { return sink_.write_line(row_of(watching, context_)); }

Status JsonOutput::stall(const model::Stall& stall) { return sink_.write_line(row_of(stall, context_)); }

Status JsonOutput::summary(const model::Summary& summary) { return sink_.write_line(row_of(summary, context_)); }

}  // namespace aiotrace::output

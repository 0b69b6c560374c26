#include "output/json/profile.h"

#include <array>

#include "model/cause.h"
#include "output/json/parts.h"

namespace aiotrace::output {

namespace {

using Kind = model::ProfileRow::Kind;

Json task_json(const std::optional<model::Task>& task) {
  if (!task) return nullptr;
  return {{"name", json_of(task->name)}, {"coroutine", json_of(task->coroutine)}};
}

Json function_json(const model::ProfileFunction& function) {
  auto object = json_of(function.frame);
  object["self_ns"] = function.self_ns;
  object["total_ns"] = function.total_ns;
  object["error_ns"] = function.error_ns;
  return object;
}

Json row_stack(const model::ProfileRow& row, const OutputContext& /*context*/) {
  if (!row.stack) return nullptr;
  auto frames = row.stack->copy();
  if (auto leaf = model::native_leaf(row)) frames.insert(frames.begin(), std::move(*leaf));
  return json_of(frames);
}

// Without waits they are unknown.
Json thread_json(const model::ProfileThread& thread, bool waits) {
  auto object = json_of(thread);
  for (const char* field : {"elapsed_ns", "cpu_ns", "idle_ns", "causes"})
    if (!waits) object[field] = nullptr;
  return object;
}

// Loops are not counted here.
Json targets_json(const std::vector<model::Target>& targets) {
  auto all = json_of(targets);
  for (auto& target : all) target["loops"] = nullptr;
  return all;
}

}  // namespace

template <>
struct JsonForm<model::ProfileThread> {
  using T = model::ProfileThread;
  static constexpr auto list = std::tuple{SHOWN(pid),        SHOWN(tid),
                                          SHOWN(thread),     SHOWN(samples),
                                          SHOWN(elapsed_ns), SHOWN(cpu_ns),
                                          SHOWN(idle_ns),    form::shown("causes", &T::cause_ns, causes_json)};
};

template <>
struct JsonForm<model::ProfileHead> {
  using T = model::ProfileHead;
  static constexpr auto list = std::tuple{form::constant("type", "watching"),
                                          form::constant("schema", model::kSchema),
                                          form::utc(&T::time_ns),
                                          form::shown("start_ns", &T::time_ns),
                                          SHOWN(version),
                                          SHOWN(kernel),
                                          form::constant("warn_ns", nullptr),
                                          form::constant("error_ns", nullptr),
                                          SHOWN(mode),
                                          SHOWN(by),
                                          SHOWN(frequency_hz, form::kNonzero),
                                          SHOWN(min_ns),
                                          SHOWN(targets, targets_json),
                                          form::left_out(&T::top)};  // of text
};

template <>
struct JsonForm<model::ProfileRow> {
  using T = model::ProfileRow;
  static constexpr auto list = std::tuple{
      form::constant("type", "profile"),
      SHOWN(pid),
      SHOWN(tid),
      SHOWN(thread),
      SHOWN(task, task_json),
      form::made(
          "cause",
          [](const T& row, const OutputContext&) { return row.kind == Kind::idle ? Json("idle") : json_of(row.cause); },
          &T::cause),
      SHOWN(ns),
      SHOWN(count),
      form::made(
          "max_ns",
          [](const T& row, const OutputContext&) { return row.kind == Kind::wait ? Json(row.max_ns) : Json(nullptr); },
          &T::max_ns),
      form::shown("exact", &T::kind, [](Kind kind) { return Json(kind != Kind::sample); }),
      form::shown("shorter", &T::kind, [](Kind kind) { return Json(kind == Kind::shorter); }),
      SHOWN(holds_gil),
      SHOWN(syscall),
      SHOWN(culprit),
      form::made("stack", row_stack, &T::stack),
      form::made<T>("stack_cut", [](const T& row, const OutputContext&) {
        return row.stack ? stack_cut(row.stack->unreadable, row.stack->too_deep) : std::nullopt;
      })};
};

std::string profile_watching_json(const model::ProfileHead& head, const OutputContext& context) {
  return row_of(head, context);
}

std::string profile_row_json(const model::ProfileRow& row) { return row_of(row); }

std::string profile_summary_json(const model::ProfileReport& report, const OutputContext& context) {
  constexpr std::size_t kMostFunctions = 1000;
  std::array<std::uint64_t, model::kCauses> cause_ns{};
  std::uint64_t idle_ns = 0;
  for (const auto& row : report.rows) {
    if (row.kind == Kind::idle)
      idle_ns += row.ns;
    else
      cause_ns[model::index(row.cause)] += row.ns;
  }
  auto functions = Json::array();
  for (const auto& function : model::functions_of(report.rows)) {
    if (functions.size() >= kMostFunctions) break;
    functions.push_back(function_json(function));
  }
  const bool waits = report.head.mode != model::ProfileMode::cpu;
  auto threads = Json::array();
  for (const auto& thread : report.threads) threads.push_back(thread_json(thread, waits));
  return line_of({{"type", "summary"},
                  {"time", utc_time(report.time_ns, context)},
                  {"elapsed_ns", report.elapsed_ns},
                  {"mode", model::name(report.head.mode)},
                  {"samples", report.samples},
                  {"process_cpu_ns", value_or_null(report.process_cpu_ns)},
                  {"idle_ns", idle_ns},
                  {"threads", std::move(threads)},
                  {"functions", std::move(functions)},
                  {"rows_over", report.rows_over},
                  {"loops", Json::array()},
                  {"causes", causes_json(cause_ns)},
                  {"places", Json::array()},
                  {"losses", losses_json(report.losses)},
                  {"cost", json_of(report.cost)}});
}

}  // namespace aiotrace::output

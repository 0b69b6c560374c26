#include <array>

#include "model/cause.h"
#include "output/json_parts.h"
#include "output/json_values.h"
#include "output/profile.h"

namespace aiotrace::output {
namespace {

using Kind = model::ProfileRow::Kind;

Json task_json(const std::optional<model::Task>& task) {
  if (!task) return nullptr;
  return {{"name", value_or_null(task->name)}, {"coroutine", text_or_null(task->coroutine)}};
}

Json function_json(const model::ProfileFunction& function) {
  return {{"kind", name(function.frame.kind)},
          {"function", text_or_null(function.frame.function)},
          {"file", text_or_null(function.frame.file)},
          {"line", nonzero_or_null(function.frame.line)},
          {"self_ns", function.self_ns},
          {"total_ns", function.total_ns},
          {"error_ns", function.error_ns}};
}

Json thread_json(const model::ProfileThread& thread, bool waits) {
  return {{"pid", thread.pid},
          {"tid", thread.tid},
          {"thread", text_or_null(thread.thread)},
          {"samples", thread.samples},
          {"elapsed_ns", waits ? Json(thread.elapsed_ns) : Json(nullptr)},
          {"cpu_ns", waits ? Json(thread.cpu_ns) : Json(nullptr)},
          {"idle_ns", waits ? Json(thread.idle_ns) : Json(nullptr)},
          {"causes", waits ? causes_json(thread.cause_ns) : Json(nullptr)}};
}

}  // namespace

std::string profile_watching_json(const ProfileHead& head, const OutputContext& context) {
  auto targets = Json::array();
  for (const auto& target : head.targets) {
    targets.push_back({{"pid", target.pid},
                       {"comm", text_or_null(target.comm)},
                       {"python", value_or_null(target.python)},
                       {"loops", nullptr}});
  }
  return line_of({{"type", "watching"},
                  {"schema", model::kSchema},
                  {"time", utc_time(head.time_ns, context)},
                  {"start_ns", head.time_ns},
                  {"version", head.version},
                  {"kernel", text_or_null(head.kernel)},
                  {"warn_ns", nullptr},
                  {"error_ns", nullptr},
                  {"mode", model::name(head.mode)},
                  {"by", model::name(head.by)},
                  {"frequency_hz", nonzero_or_null(head.frequency_hz)},
                  {"min_ns", head.min_ns},
                  {"targets", std::move(targets)}});
}

std::string profile_row_json(const model::ProfileRow& row) {
  auto stack = Json(nullptr);
  if (row.stack) {
    auto frames = row.stack->copy();
    if (auto leaf = model::native_leaf(row)) frames.insert(frames.begin(), std::move(*leaf));
    stack = stack_json(frames);
  }
  Json object{{"type", "profile"},
              {"pid", row.pid},
              {"tid", row.tid},
              {"thread", text_or_null(row.thread)},
              {"task", task_json(row.task)},
              {"cause", row.kind == Kind::idle ? std::string_view("idle") : model::name(row.cause)},
              {"ns", row.ns},
              {"count", row.count},
              {"max_ns", row.kind == Kind::wait ? Json(row.max_ns) : Json(nullptr)},
              {"exact", row.kind != Kind::sample},
              {"shorter", row.kind == Kind::shorter},
              {"holds_gil", row.holds_gil},
              {"syscall", text_or_null(row.syscall)},
              {"culprit", culprit_json(row.culprit)},
              {"stack", std::move(stack)}};
  if (row.stack && row.stack->unreadable) object["stack_cut"] = "unreadable";
  if (row.stack && row.stack->too_deep) object["stack_cut"] = "too-deep";
  return line_of(object);
}

std::string profile_summary_json(const ProfileReport& report, const OutputContext& context) {
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
                  {"cost", cost_json(report.cost)}});
}

}  // namespace aiotrace::output

#include "output/tasks_json.h"

#include <nlohmann/json.hpp>

#include "model/summary.h"
#include "output/names.h"

namespace aiotrace::output {
namespace {

using Json = nlohmann::ordered_json;

Json text_or_null(std::string_view text) { return text.empty() ? Json(nullptr) : Json(text); }

template <class Number>
Json nonzero_or_null(Number number) {
  return number == 0 ? Json(nullptr) : Json(number);
}

template <class T>
Json value_or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

std::string line_of(const Json& object) {
  constexpr int kOneLine = -1;
  return object.dump(kOneLine, ' ', false, Json::error_handler_t::replace);
}

Json wait_json(const model::TaskWait& wait) {
  Json object{{"kind", wait.kind}, {"call", text_or_null(wait.call)}, {"tasks", wait.tasks}};
  // Only of the kinds that can have them.
  if (wait.kind == "sleep") {
    object["left_ns"] = value_or_null(wait.left_ns);
    object["waiting_ns"] = value_or_null(wait.waiting_ns);
  }
  if (wait.kind == "queue") object["queue_size"] = value_or_null(wait.queue_size);
  if (wait.kind == "socket") object["fd"] = value_or_null(wait.fd);
  if (wait.kind == "process") object["child_pid"] = value_or_null(wait.child_pid);
  return object;
}

}  // namespace

std::string task_row_json(const model::TaskRow& task) {
  auto stack = Json::array();
  for (const auto& frame : task.stack) {
    stack.push_back({{"kind", name(frame.kind)},
                     {"function", text_or_null(frame.function)},
                     {"file", text_or_null(frame.file)},
                     {"line", nonzero_or_null(frame.line)}});
  }
  return line_of({{"type", "task"},
                  {"id", task.id},
                  {"pid", task.pid},
                  {"tid", nonzero_or_null(task.tid)},
                  {"name", text_or_null(task.name)},
                  {"state", task.state},
                  {"coroutine", text_or_null(task.coroutine)},
                  {"file", text_or_null(task.file)},
                  {"line", nonzero_or_null(task.line)},
                  {"stack", std::move(stack)},
                  {"stack_cut", task.stack_cut},
                  {"waits_for", task.state == "pending" ? wait_json(task.waits_for) : Json(nullptr)},
                  {"awaited_by", task.awaited_by},
                  {"age_ns", value_or_null(task.age_ns)},
                  {"age_at_least_ns", value_or_null(task.age_at_least_ns)}});
}

std::string task_summary_json(const model::TaskListSummary& summary, const OutputContext& context) {
  auto loops = Json::array();
  for (const auto& loop : summary.loops) {
    Json object{{"pid", loop.pid},
                {"tid", nonzero_or_null(loop.tid)},
                {"thread", text_or_null(loop.thread)},
                {"kind", name(loop.kind)},
                {"tasks", loop.tasks},
                {"ready", value_or_null(loop.ready)},
                {"scheduled", value_or_null(loop.scheduled)}};
    for (const char* field : {"iterations", "busy_ns", "p50_ns", "p99_ns", "max_ns", "stalls"}) object[field] = nullptr;
    loops.push_back(std::move(object));
  }
  return line_of({{"type", "summary"},
                  {"schema", model::kSchema},
                  {"time", utc_time(summary.time_ns, context)},
                  {"elapsed_ns", summary.elapsed_ns},
                  {"tasks", summary.tasks},
                  {"shown", summary.shown},
                  {"loops", std::move(loops)},
                  {"causes", Json::object()},
                  {"places", Json::array()},
                  {"losses",
                   {{"task-unreadable", summary.unreadable},
                    {"task-list-torn", summary.torn ? 1 : 0},
                    {"tasks-too-many", summary.too_many ? 1 : 0}}},
                  {"cost",
                   {{"bpf_ns", nullptr}, {"runs", nullptr}, {"cpu_ns", summary.cpu_ns}, {"rss_bytes", nullptr}}}});
}

}  // namespace aiotrace::output

#include "output/json/tasks.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "output/json/hang_parts.h"
#include "output/json/parts.h"

namespace aiotrace::output {
namespace {

/// There may be hundreds of thousands of rows: a tree of values for each would cost more than reading the tasks.
class Writer {
 public:
  Writer& field(std::string_view name) {
    if (text_.back() != '{' && text_.back() != '[') text_ += ',';
    text_ += '"';
    text_ += name;
    text_ += "\":";
    return *this;
  }
  void string(std::string_view text) {
    const bool plain = std::ranges::all_of(text, [](unsigned char c) {
      return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
    });
    if (plain) {
      text_ += '"';
      text_ += text;
      text_ += '"';
    } else {
      text_ += line_of(Json(text));
    }
  }
  void text(std::string_view text) { text.empty() ? null() : string(text); }
  template <class Number>
  void number(Number number) {
    fmt::format_to(std::back_inserter(text_), "{}", number);
  }
  template <class Number>
  void nonzero(Number value) {
    value == 0 ? null() : number(value);
  }
  template <class Number>
  void optional(const std::optional<Number>& value) {
    value ? number(*value) : null();
  }
  void numbers(const std::vector<std::uint64_t>& values) {
    text_ += '[';
    for (const auto& value : values) {
      if (&value != values.data()) text_ += ',';
      number(value);
    }
    text_ += ']';
  }
  void json(const Json& value) { text_ += line_of(value); }
  void boolean(bool value) { text_ += value ? "true" : "false"; }
  void null() { text_ += "null"; }
  void raw(char c) { text_ += c; }
  std::string take() { return std::move(text_); }

 private:
  std::string text_ = "{";
};

void write_wait(Writer& out, const model::TaskWait& wait) {
  out.raw('{');
  out.field("kind").string(name(wait.kind));
  out.field("call").text(wait.call);
  out.field("tasks").numbers(wait.tasks);
  // Only for the kinds that can have them.
  using Kind = model::TaskWaitKind;
  if (wait.kind == Kind::sleep) {
    out.field("left_ns").optional(wait.left_ns);
    out.field("waiting_ns").optional(wait.waiting_ns);
  }
  if (wait.kind == Kind::queue) out.field("queue_size").optional(wait.queue_size);
  if (wait.kind == Kind::socket) out.field("fd").optional(wait.fd);
  if (wait.kind == Kind::process) out.field("child_pid").optional(wait.child_pid);
  if (wait.resource) {
    out.field("resource").json(json_of(wait.resource->resource));
    out.field("holders").json(json_of(wait.resource->holders));
  }
  out.raw('}');
}

void write_stack(Writer& out, const model::Stack& stack) {
  out.raw('[');
  for (const auto& frame : stack) {
    if (&frame != stack.data()) out.raw(',');
    out.raw('{');
    out.field("kind").string(name(frame.kind));
    out.field("function").text(frame.function);
    out.field("file").text(frame.file);
    out.field("line").nonzero(frame.line);
    out.raw('}');
  }
  out.raw(']');
}

}  // namespace

std::string task_row_json(const model::TaskRow& task) {
  Writer out;
  out.field("type").string("task");
  out.field("id").number(task.id);
  out.field("pid").number(task.pid);
  out.field("tid").nonzero(task.tid);
  out.field("name").text(task.name);
  out.field("state").string(task.state);
  out.field("coroutine").text(task.coroutine);
  out.field("file").text(task.file);
  out.field("line").nonzero(task.line);
  out.field("stack");
  write_stack(out, task.stack);
  out.field("stack_cut").boolean(task.stack_cut);
  out.field("waits_for");
  task.state == "pending" ? write_wait(out, task.waits_for) : out.null();
  out.field("awaited_by").numbers(task.awaited_by);
  out.field("age_ns").optional(task.age_ns);
  out.field("age_at_least_ns").optional(task.age_at_least_ns);
  out.raw('}');
  return out.take();
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
  return summary_json({.time_ns = summary.time_ns,
                       .elapsed_ns = summary.elapsed_ns,
                       .own = {{"tasks", summary.tasks}, {"shown", summary.shown}, {"named", !summary.unnamed}},
                       .losses = {{"task-unreadable", summary.unreadable},
                                  {"task-list-torn", summary.torn ? 1 : 0},
                                  {"tasks-too-many", summary.too_many ? 1 : 0}},
                       .cost = {.cpu_ns = summary.cpu_ns},
                       .loops = std::move(loops)},
                      context);
}

}  // namespace aiotrace::output

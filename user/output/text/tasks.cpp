#include "output/text/tasks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

#include "model/frame_origin.h"
#include "output/text/hangs.h"
#include "output/text/stack.h"
#include "output/text/style.h"
#include "util/duration.h"
#include "util/text.h"

namespace aiotrace::output {
namespace {

std::string tasks_text(std::size_t count) {
  return fmt::format("{} task{}", format_count(count), count == 1 ? "" : "s");
}

std::string name_of(const model::TaskRow& task) {
  return task.name.empty() ? fmt::format("task at {:#x}", task.id) : clean_for_terminal(task.name);
}

std::string place_of(const model::TaskRow& task) {
  if (const auto* frame = model::own_frame(task.stack)) return place_text(frame->file, frame->line);
  return place_text(task.file, task.line);
}

std::string state_text(const model::TaskRow& task) {
  return task.state == "pending" ? wait_text(task.waits_for) : task.state;
}

std::string age_text(const model::TaskRow& task) {
  if (task.age_ns) return format_duration_ns(*task.age_ns);
  if (task.age_at_least_ns) return "> " + format_duration_ns(*task.age_at_least_ns);
  return "-";
}

}  // namespace

// anyio makes its tasks of a coroutine of its own, TaskHandle._run_coro() (anyio 4.16, _core/_tasks.py), for all alike:
// what that awaits is what the program started.
std::string coroutine_text(const model::TaskRow& task) {
  const auto is_wrapper = [](std::string_view file) {
    const auto module = model::origin_of(file).module;
    return module == "anyio/_core/_tasks" || module == "anyio/_backends/_asyncio";
  };
  const std::string* name = &task.coroutine;
  if (is_wrapper(task.file)) {
    const auto outermost = std::ranges::find_if(task.stack.rbegin(), task.stack.rend(),
                                                [&](const model::Frame& frame) { return !is_wrapper(frame.file); });
    if (outermost != task.stack.rend()) name = &outermost->function;
  }
  return name->empty() ? "?" : clean_for_terminal(*name);
}

// "lock app.CACHE_LOCK, held by refresh-2 at cache.py:41"; "executor (ThreadPoolExecutor), 6 of 6 busy, 31 wait".
std::string wait_text(const model::TaskResource& waited) {
  auto text = resource_text(waited.resource);
  if (!waited.holders.empty()) {
    const auto& holder = waited.holders.front();
    text += (holder.how == model::HoldHow::refers ? ", perhaps held by " : ", held by ") + party_name(holder);
    if (const auto* frame = model::own_frame(holder.stack))
      text += " at " + place_text(frame->file.substr(frame->file.rfind('/') + 1), frame->line);
    if (waited.holders.size() > 1) text += fmt::format(" and {} more", waited.holders.size() - 1);
  }
  if (waited.resource.waiting > 1) text += fmt::format(", {} wait", format_count(waited.resource.waiting));
  return text;
}

std::string wait_text(const model::TaskWait& wait) {
  using Kind = model::TaskWaitKind;
  if (wait.resource) {
    auto text = wait_text(*wait.resource);
    if (wait.queue_size) text += fmt::format(", {} in it", *wait.queue_size);
    return text;
  }
  std::string text(model::name(wait.kind));
  if (wait.kind == Kind::wait && !wait.call.empty()) text = clean_for_terminal(wait.call);
  if (wait.kind == Kind::turn) text = "its turn";
  if (wait.kind == Kind::start) text = "its first step";
  if (wait.kind == Kind::unknown || wait.kind == Kind::future) text = wait.kind == Kind::future ? "a future" : "?";
  if (wait.kind == Kind::task_group) text = "task group";
  if (wait.kind == Kind::async_generator) text = "async generator";
  constexpr std::array kOfTasks = {Kind::gather, Kind::wait, Kind::task_group, Kind::shield, Kind::task, Kind::future};
  const bool of_tasks = std::ranges::find(kOfTasks, wait.kind) != kOfTasks.end();
  if (wait.kind == Kind::task) {
    text = "a task";
  } else if (of_tasks && !wait.tasks.empty()) {
    text += " of " + tasks_text(wait.tasks.size());
  }
  const bool says_more = !wait.call.empty() && wait.kind != Kind::sleep && wait.kind != Kind::gather &&
                         wait.kind != Kind::shield && wait.kind != Kind::wait && wait.kind != Kind::task_group;
  if (says_more) text += " (" + clean_for_terminal(wait.call) + ")";
  if (wait.left_ns) {
    const auto ns = static_cast<std::uint64_t>(std::llabs(*wait.left_ns));
    text += ", " + format_duration_ns(ns) + (*wait.left_ns < 0 ? " overdue" : " left");
  }
  if (wait.queue_size) text += fmt::format(", {} in it", *wait.queue_size);
  if (wait.fd) text += fmt::format(", fd {}", *wait.fd);
  if (wait.child_pid) text += fmt::format(", pid {}", *wait.child_pid);
  return text;
}

std::vector<std::string> task_table(const std::vector<model::TaskRow>& tasks, const OutputContext& context) {
  constexpr std::size_t kTask = 0;
  constexpr std::size_t kState = 1;
  constexpr std::size_t kAge = 2;
  constexpr std::size_t kCoroutine = 3;
  constexpr std::size_t kWaits = 4;
  constexpr std::size_t kAt = 5;
  constexpr std::size_t kBy = 6;
  constexpr std::size_t kColumns = 7;
  using Cells = std::array<std::string, kColumns>;
  if (tasks.empty()) return {};
  constexpr Cells::size_type kFirstElastic = kCoroutine;
  static const Cells kHeadings = {"TASK", "STATE", "AGE", "COROUTINE", "WAITS FOR", "AT", "AWAITED BY"};
  // The width of each column is limited so that the others have room.
  static constexpr std::array<std::size_t, kColumns> kLimits = {28, 8, 12, 36, 72, 48, 10};

  const auto cells_of = [&](const model::TaskRow& task) -> Cells {
    return {shorten_right(name_of(task), kLimits[kTask]),
            shorten_right(task.state, kLimits[kState]),
            shorten_right(age_text(task), kLimits[kAge]),
            shorten_left(coroutine_text(task), kLimits[kCoroutine]),
            shorten_right(task.state == "pending" ? wait_text(task.waits_for) : "-", kLimits[kWaits]),
            shorten_left(place_of(task), kLimits[kAt]),
            task.awaited_by.empty() ? "-" : shorten_right(tasks_text(task.awaited_by.size()), kLimits[kBy])};
  };
  std::array<std::size_t, kColumns> widths{};
  for (std::size_t i = 0; i < kColumns; ++i) widths[i] = display_width(kHeadings[i]);
  std::vector<Cells> rows;
  rows.reserve(tasks.size());
  for (const auto& task : tasks) {
    rows.push_back(cells_of(task));
    for (std::size_t i = 0; i < kColumns; ++i) widths[i] = std::max(widths[i], display_width(rows.back()[i]));
  }
  // If the table is too wide for the terminal, the widest of coroutine, wait and place are narrowed, to 16 columns
  // each.
  constexpr std::size_t kGap = 2;
  const auto total = [&] {
    std::size_t sum = kGap * (kColumns - 1);
    for (const std::size_t width : widths) sum += width;
    return sum;
  };
  while (total() > context.columns) {
    const auto widest = std::max_element(widths.begin() + kFirstElastic, widths.begin() + kBy);
    if (*widest <= 16) break;
    --*widest;
  }
  const auto line = [&](const Cells& cells) {
    std::string text;
    for (std::size_t i = 0; i < kColumns; ++i) {
      std::string cell = i == kCoroutine || i == kAt ? shorten_left(cells[i], widths[i])
                                                     : shorten_right(cells[i], widths[i]);
      if (i + 1 < kColumns) cell = pad_right(cell, widths[i] + kGap);
      text += cell;
    }
    return text;
  };
  std::vector<std::string> lines{paint(line(kHeadings), Color::bold, context)};
  for (const auto& cells : rows) lines.push_back(line(cells));
  return lines;
}

std::vector<std::string> task_stacks(const std::vector<model::TaskRow>& tasks, const OutputContext& context) {
  std::vector<std::string> lines;
  OutputContext whole = context;
  whole.verbose = true;
  for (const auto& task : tasks) {
    const std::string coroutine = coroutine_text(task);
    std::string heading = fmt::format("{}  {}  {}", paint(shorten_right(name_of(task), 200), Color::bold, context),
                                      coroutine, state_text(task));
    if (!task.awaited_by.empty()) heading += fmt::format("  awaited by {}", tasks_text(task.awaited_by.size()));
    lines.push_back(std::move(heading));
    for (auto& line : stack_lines(task.stack, 2, whole)) lines.push_back(std::move(line));
    if (task.stack_cut) lines.emplace_back("  … (goes on, could not be followed)");
  }
  return lines;
}

std::vector<std::string> task_summary(const model::TaskListSummary& summary, const OutputContext& context) {
  std::vector<std::string> lines;
  for (const auto& loop : summary.loops) {
    std::string line = loop.thread.empty() ? "loop" : "loop of " + clean_for_terminal(loop.thread);
    line += fmt::format(" ({}): {}", name(loop.kind), tasks_text(loop.tasks));
    if (loop.ready) line += fmt::format(", {} ready", format_count(*loop.ready));
    if (loop.scheduled) line += fmt::format(", {} scheduled", format_count(*loop.scheduled));
    if (loop.tid == 0) line += ", not running";
    lines.push_back(paint(line, Color::dim, context));
  }
  if (summary.shown != summary.tasks) {
    lines.push_back(fmt::format("{} shown of {}", format_count(summary.shown), tasks_text(summary.tasks)));
  }
  if (summary.unreadable != 0) lines.push_back(tasks_text(summary.unreadable) + " ended while being read");
  if (summary.torn) lines.emplace_back("tasks came and went while they were listed: some may be missing");
  if (summary.unnamed)
    lines.emplace_back("what they wait for is not named: there are too many tasks, or it took too long");
  if (summary.too_many) lines.emplace_back("there are more tasks than can be read");
  return lines;
}

}  // namespace aiotrace::output

#include "app/tasks_command.h"

#include <atomic>
#include <map>

#include "app/arguments.h"
#include "app/command_output.h"
#include "app/session.h"
#include "app/signals.h"
#include "model/task_row.h"
#include "output/tasks_json.h"
#include "output/tasks_text.h"
#include "probe/privileges.h"
#include "proc/maps.h"
#include "proc/memory.h"
#include "proc/process.h"
#include "python/interpreter.h"
#include "python/tasks.h"
#include "python/threads.h"
#include "util/clock.h"
#include "util/text.h"

namespace aiotrace::app {
namespace {

model::LoopKind loop_kind(python::EventLoopKind kind) {
  switch (kind) {
    case python::EventLoopKind::asyncio: return model::LoopKind::asyncio;
    case python::EventLoopKind::uvloop: return model::LoopKind::uvloop;
    case python::EventLoopKind::other: break;
  }
  return model::LoopKind::other;
}

model::TaskRow row_of(const python::TaskSnapshot& snapshot, const python::Task& task, std::uint32_t pid) {
  model::TaskRow row;
  row.id = task.object;
  row.pid = pid;
  row.tid = static_cast<std::uint32_t>(task.tid);
  row.name = task.name;
  row.state = task.state == python::TaskState::pending   ? "pending"
              : task.state == python::TaskState::running ? "running"
                                                         : "finished";
  row.coroutine = task.coroutine;
  row.file = task.file;
  row.line = task.line;
  row.stack_cut = task.stack_cut;
  row.stack.reserve(task.stack.size());
  for (const auto& frame : task.stack) {
    row.stack.push_back({.kind = model::Frame::Kind::python,
                         .function = frame.code->function,
                         .file = frame.code->file,
                         .line = frame.line});
  }
  const auto& wait = task.waits_for;
  row.waits_for = {.kind = std::string(python::name(wait.kind)),
                   .call = std::string(wait.call),
                   .tasks = wait.tasks,
                   .left_ns = wait.left_ns,
                   .waiting_ns = wait.waiting_ns,
                   .queue_size = wait.queue_size,
                   .fd = wait.fd,
                   .child_pid = wait.child_pid};
  row.awaited_by.reserve(task.awaited_by.size());
  for (const std::size_t i : task.awaited_by) row.awaited_by.push_back(snapshot.tasks[i].object);
  // When a task was made is written down nowhere; it is at least as old as the sleep that it is in.
  row.age_at_least_ns = wait.waiting_ns;
  return row;
}

class Command {
 public:
  Command(const TasksOptions& options, CommandOutput& out, const std::atomic<bool>* interrupted)
      : options_(options), out_(out), interrupted_(interrupted) {}

  Status look_at(std::int32_t pid) {
    const auto process = proc::Process::open(pid);
    if (!process) return std::unexpected(process.error());
    const auto maps = proc::Maps::read(pid);
    if (!maps) return std::unexpected(maps.error());
    const proc::LiveMemory memory(pid, interrupted_);
    const auto interpreter = python::inspect(*process, *maps, memory);
    if (!interpreter) return std::unexpected(Error(interpreter.error()));
    python::TaskReader reader(*interpreter, *process, memory);
    const auto snapshot = reader.read({.finished = options_.finished, .frames = true});
    if (!snapshot) return std::unexpected(snapshot.error());
    if (*interrupted_) return fail("tasks of process " + std::to_string(pid), "interrupted");
    if (!snapshot->problem.empty()) {
      return fail("tasks of process " + std::to_string(pid), snapshot->problem, {}, ErrorKind::unsupported);
    }
    if (out_.has_text()) {
      const std::string heading = "pid " + std::to_string(pid) + " (" + clean_for_terminal(process->comm()) +
                                  "), Python " + interpreter->version_text + ": " +
                                  format_count(snapshot->tasks.size()) +
                                  (snapshot->tasks.size() == 1 ? " task" : " tasks");
      out_.text({{heading}});
    }
    write(*snapshot, *process, python::thread_names(*interpreter, *process, memory));
    return {};
  }

  void finish() {
    summary_.time_ns = monotonic_ns();
    summary_.elapsed_ns = summary_.time_ns - begin_ns_;
    summary_.cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    out_.json(output::task_summary_json(summary_, out_.context()));
  }

 private:
  [[nodiscard]] bool wanted(const python::Task& task) const {
    return (!options_.name || task.name.find(*options_.name) != std::string::npos) &&
           (!options_.coroutine || task.coroutine.find(*options_.coroutine) != std::string::npos);
  }

  void write(const python::TaskSnapshot& snapshot, const proc::Process& process,
             const std::map<pid_t, std::string>& names) {
    const auto pid = static_cast<std::uint32_t>(process.pid());
    std::vector<model::TaskRow> rows;
    model::TaskListSummary own;
    for (const auto& task : snapshot.tasks) {
      if (!wanted(task)) continue;
      own.shown++;
      auto row = row_of(snapshot, task, pid);
      if (out_.has_json()) out_.json(output::task_row_json(row));
      if (out_.has_text()) rows.push_back(std::move(row));
    }
    own.tasks = snapshot.tasks.size();
    own.unreadable = snapshot.unreadable;
    own.torn = snapshot.torn;
    own.too_many = snapshot.too_many;
    for (const auto& loop : snapshot.loops) {
      const auto name = names.find(loop.tid);
      own.loops.push_back({.pid = pid,
                           .tid = static_cast<std::uint32_t>(loop.tid),
                           .thread = name != names.end() ? name->second
                                     : loop.tid != 0     ? process.comm_of(loop.tid).value_or("")
                                                         : "",
                           .kind = loop_kind(loop.fields.kind),
                           .tasks = loop.tasks,
                           .ready = loop.fields.ready,
                           .scheduled = loop.fields.scheduled});
    }
    if (out_.has_text()) write_text(rows, own);
    summary_.tasks += own.tasks;
    summary_.shown += own.shown;
    summary_.unreadable += own.unreadable;
    summary_.torn = summary_.torn || own.torn;
    summary_.too_many = summary_.too_many || own.too_many;
    summary_.loops.insert(summary_.loops.end(), own.loops.begin(), own.loops.end());
  }

  void write_text(const std::vector<model::TaskRow>& rows, const model::TaskListSummary& own) {
    auto lines = output::task_summary(own, out_.context());
    const auto body = options_.tree     ? output::task_tree(rows, out_.context())
                      : options_.stacks ? output::task_stacks(rows, out_.context())
                                        : output::task_table(rows, out_.context());
    lines.insert(lines.end(), body.begin(), body.end());
    out_.text(lines);
  }

  const TasksOptions& options_;
  CommandOutput& out_;
  const std::atomic<bool>* interrupted_;
  model::TaskListSummary summary_;
  std::uint64_t begin_ns_ = monotonic_ns();
};

}  // namespace

int run_tasks(int argc, const char* const* argv) {
  const auto options = parse_tasks_options(argc, argv);
  if (!options) return report(options.error());
  if (options->message) return print_message(*options->message);
  const auto interrupt = on_interrupt();
  if (!interrupt) return report(interrupt.error());
  auto out = CommandOutput::open(options->json);
  if (!out) return report(out.error());
  if (auto status = probe::keep_capabilities_to_read(); !status) return report(status.error());
  Command command(*options, *out, interrupt->came);
  int exit_status = 0;
  for (const std::int32_t pid : options->pids) {
    if (auto status = command.look_at(pid); !status) exit_status = report(status.error());
    if (out->reader_gone()) return 0;
    if (*interrupt->came) break;
  }
  command.finish();
  return out->failed() ? kExitFailure : exit_status;
}

}  // namespace aiotrace::app

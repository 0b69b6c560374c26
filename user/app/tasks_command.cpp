#include "app/tasks_command.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <ctime>
#include <map>

#include "app/session.h"
#include "model/task_row.h"
#include "output/file_sink.h"
#include "output/tasks_json.h"
#include "output/tasks_text.h"
#include "proc/maps.h"
#include "proc/memory.h"
#include "proc/process.h"
#include "python/interpreter.h"
#include "python/tasks.h"
#include "python/threads.h"
#include "util/text.h"

namespace aiotrace::app {
namespace {

std::uint64_t clock_ns(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

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
  Command(const TasksOptions& options, output::OutputContext context) : options_(options), context_(context) {}

  Status open() {
    if (options_.json) {
      auto sink = output::FileSink::open(*options_.json);
      if (!sink) return std::unexpected(sink.error());
      json_ = std::move(*sink);
    }
    if (!options_.json || *options_.json != "-") {
      auto sink = output::FileSink::standard_output();
      if (!sink) return std::unexpected(sink.error());
      text_ = std::move(*sink);
      const char* no_color = std::getenv("NO_COLOR");
      winsize size{};
      context_.color = text_->is_terminal() && (no_color == nullptr || *no_color == '\0');
      const bool sized = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col != 0;
      // Into a file or pipe there is no width to keep to.
      context_.columns = sized ? size.ws_col : text_->is_terminal() ? context_.columns : kWide;
    }
    return {};
  }

  Status look_at(std::int32_t pid) {
    const auto process = proc::Process::open(pid);
    if (!process) return std::unexpected(process.error());
    const auto maps = proc::Maps::read(pid);
    if (!maps) return std::unexpected(maps.error());
    const proc::LiveMemory memory(pid);
    const auto interpreter = python::inspect(*process, *maps, memory);
    if (!interpreter) return std::unexpected(Error(interpreter.error()));
    python::TaskReader reader(*interpreter, *process, memory);
    const auto snapshot = reader.read({.finished = options_.finished, .frames = true});
    if (!snapshot) return std::unexpected(snapshot.error());
    if (!snapshot->problem.empty()) {
      return fail("tasks of process " + std::to_string(pid), snapshot->problem, {}, ErrorKind::unsupported);
    }
    if (text_) {
      const std::string heading = "pid " + std::to_string(pid) + " (" + clean_for_terminal(process->comm()) +
                                  "), Python " + interpreter->version_text + ": " +
                                  format_count(snapshot->tasks.size()) +
                                  (snapshot->tasks.size() == 1 ? " task" : " tasks");
      if (auto status = text_->write_line(heading); !status) return status;
    }
    return write(*snapshot, *process, python::thread_names(*interpreter, *process, memory));
  }

  Status finish() {
    summary_.time_ns = clock_ns(CLOCK_MONOTONIC);
    summary_.elapsed_ns = summary_.time_ns - begin_ns_;
    summary_.cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    return json_ ? json_->write_line(output::task_summary_json(summary_, context_)) : Status{};
  }

  /// The reader of a pipe has seen enough.
  [[nodiscard]] bool reader_gone() const {
    return (text_ && text_->last_errno() == EPIPE) || (json_ && json_->last_errno() == EPIPE);
  }

 private:
  static constexpr std::size_t kWide = 220;

  [[nodiscard]] bool wanted(const python::Task& task) const {
    return (!options_.name || task.name.find(*options_.name) != std::string::npos) &&
           (!options_.coroutine || task.coroutine.find(*options_.coroutine) != std::string::npos);
  }

  Status write(const python::TaskSnapshot& snapshot, const proc::Process& process,
               const std::map<pid_t, std::string>& names) {
    const auto pid = static_cast<std::uint32_t>(process.pid());
    std::vector<model::TaskRow> rows;
    model::TaskListSummary own;
    for (const auto& task : snapshot.tasks) {
      if (!wanted(task)) continue;
      own.shown++;
      auto row = row_of(snapshot, task, pid);
      if (json_) {
        if (auto status = json_->write_line(output::task_row_json(row)); !status) return status;
      }
      if (text_) rows.push_back(std::move(row));
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
    if (text_) {
      if (auto status = write_text(rows, own); !status) return status;
    }
    summary_.tasks += own.tasks;
    summary_.shown += own.shown;
    summary_.unreadable += own.unreadable;
    summary_.torn = summary_.torn || own.torn;
    summary_.too_many = summary_.too_many || own.too_many;
    summary_.loops.insert(summary_.loops.end(), own.loops.begin(), own.loops.end());
    return {};
  }

  Status write_text(const std::vector<model::TaskRow>& rows, const model::TaskListSummary& own) {
    auto lines = output::task_summary(own, context_);
    const auto body = options_.tree     ? output::task_tree(rows, context_)
                      : options_.stacks ? output::task_stacks(rows, context_)
                                        : output::task_table(rows, context_);
    lines.insert(lines.end(), body.begin(), body.end());
    for (const auto& line : lines) {
      if (auto status = text_->write_line(line); !status) return status;
    }
    return {};
  }

  const TasksOptions& options_;
  output::OutputContext context_;
  std::unique_ptr<output::FileSink> json_;
  std::unique_ptr<output::FileSink> text_;
  model::TaskListSummary summary_;
  std::uint64_t begin_ns_ = clock_ns(CLOCK_MONOTONIC);
};

}  // namespace

int run_tasks(int argc, const char* const* argv) {
  const auto options = parse_tasks_options(argc, argv);
  if (!options) return report(options.error());
  if (std::signal(SIGPIPE, SIG_IGN) == SIG_ERR) return report({.what = "ignore SIGPIPE", .reason = {}, .hint = {}});
  output::OutputContext context;
  context.realtime_minus_monotonic_ns = static_cast<std::int64_t>(clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC));
  if (options->message) {
    auto out = output::FileSink::standard_output();
    if (!out) return report(out.error());
    const auto status = (*out)->write_line(*options->message);
    return status ? 0 : report(status.error());
  }
  Command command(*options, context);
  if (auto status = command.open(); !status) return report(status.error());
  int exit_status = 0;
  for (const std::int32_t pid : options->pids) {
    const auto status = command.look_at(pid);
    if (status) continue;
    if (command.reader_gone()) return 0;
    exit_status = report(status.error());
  }
  const auto status = command.finish();
  if (!status && !command.reader_gone()) return report(status.error());
  return exit_status;
}

}  // namespace aiotrace::app

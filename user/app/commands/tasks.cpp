// `aiotrace tasks -p PID`: the tasks of a process, who waits for whom, at which line each task waits.

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "app/cli/exit_status.h"
#include "app/cli/messages.h"
#include "app/cli/signals.h"
#include "app/command_output.h"
#include "app/commands/command.h"
#include "app/memory_access.h"
#include "app/task_rows.h"
#include "app/wait_kinds.h"
#include "app/wait_resources.h"
#include "model/task_row.h"
#include "output/json/tasks.h"
#include "output/text/tasks.h"
#include "probe/privileges.h"
#include "proc/maps.h"
#include "proc/memory.h"
#include "proc/process.h"
#include "python/interpreter.h"
#include "python/other_loops.h"
#include "python/tasks.h"
#include "python/threads.h"
#include "util/clock.h"
#include "util/text.h"

namespace aiotrace::app {
namespace {

struct TasksOptions {
  std::vector<std::int32_t> pids;
  bool tree = false;
  bool stacks = false;
  bool finished = false;                 ///< finished tasks too, if they are still referenced
  std::optional<std::string> name;       ///< only tasks whose name contains this
  std::optional<std::string> coroutine;  ///< only tasks whose coroutine's qualified name contains this
  bool verbose = false;                  ///< in the tree, no task stands for others
  std::optional<std::string> json;       ///< "-": standard output
};

// With more tasks than this, resources are not read, because that would take as long again as the list.
constexpr std::size_t kMostWithResources = 20'000;

// Resources are read after the list, and the task may be in another wait by then.
bool is_of(model::TaskWaitKind kind, const model::TaskResource& waited) {
  using enum model::TaskWaitKind;
  switch (kind) {
    case lock: return waited.resource.kind == model::ResourceKind::lock;
    case semaphore: return waited.resource.kind == model::ResourceKind::semaphore;
    case condition: return waited.resource.kind == model::ResourceKind::condition;
    case event: return waited.resource.kind == model::ResourceKind::event;
    case queue: return waited.resource.kind == model::ResourceKind::queue;
    case executor: return waited.resource.kind == model::ResourceKind::executor;
    default: return false;
  }
}

class TasksRun {
 public:
  TasksRun(const TasksOptions& options, CommandOutput& out, const std::atomic<bool>* interrupted)
      : options_(options), out_(out), interrupted_(interrupted) {}

  Status look_at(std::int32_t pid) {
    const auto process = proc::Process::open(pid);
    if (!process) return std::unexpected(process.error());
    if (auto status = may_read(*process); !status) return status;
    const auto maps = proc::Maps::read(pid);
    if (!maps) return std::unexpected(maps.error());
    const proc::LiveMemory memory(pid, interrupted_);
    const auto interpreter = python::inspect(*process, *maps, memory);
    if (!interpreter) return std::unexpected(python::as_error(interpreter.error(), *process));
    if (const auto why = python::why_no_tasks(*interpreter, *process, memory))
      return fail("tasks of process " + std::to_string(pid), *why, {}, ErrorKind::unsupported);
    python::TaskReader reader(*interpreter, *process, memory);
    const auto snapshot = reader.read({.finished = options_.finished, .frames = true});
    if (!snapshot) return std::unexpected(snapshot.error());
    if (*interrupted_) return fail("tasks of process " + std::to_string(pid), "interrupted");
    if (!snapshot->problem.empty()) {
      return fail("tasks of process " + std::to_string(pid), snapshot->problem, {}, ErrorKind::unsupported);
    }
    if (snapshot->loops.empty() && snapshot->tasks.empty()) return no_asyncio_loop(*process);
    if (out_.has_text()) {
      const std::string heading = "pid " + std::to_string(pid) + " (" + clean_for_terminal(process->comm()) +
                                  "), Python " + interpreter->version_text + ": " +
                                  format_count(snapshot->tasks.size()) +
                                  (snapshot->tasks.size() == 1 ? " task" : " tasks");
      out_.text({{heading}});
    }
    auto resources = snapshot->tasks.size() <= kMostWithResources ? wait_resources(*interpreter, *process, memory)
                                                                  : std::nullopt;
    summary_.unnamed = summary_.unnamed || !resources;
    resources_ = std::move(resources).value_or(WaitResources{});
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
      auto row = task_row(snapshot, task, pid);
      if (const auto known = resources_.find(task.object);
          known != resources_.end() && is_of(row.waits_for.kind, *known->second))
        row.waits_for.resource = known->second;
      if (out_.has_json()) out_.json(output::task_row_json(row));
      if (out_.has_text()) rows.push_back(std::move(row));
    }
    own.tasks = snapshot.tasks.size();
    own.unreadable = snapshot.unreadable;
    own.torn = snapshot.torn;
    own.too_many = snapshot.too_many;
    own.unnamed = summary_.unnamed;
    for (const auto& loop : snapshot.loops) {
      const auto name = names.find(loop.tid);
      own.loops.push_back({.pid = pid,
                           .tid = static_cast<std::uint32_t>(loop.tid),
                           .thread = name != names.end() ? name->second
                                     : loop.tid != 0     ? process.comm_of(loop.tid).value_or("")
                                                         : "",
                           .kind = loop_kind_of(loop.fields.kind),
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
  WaitResources resources_;
  model::TaskListSummary summary_;
  std::uint64_t begin_ns_ = monotonic_ns();
};

class Tasks final : public Command {
 public:
  void declare(CommandLine& line) override;
  [[nodiscard]] Status check(const CommandLine& line) override;
  [[nodiscard]] int run() override;

 private:
  TasksOptions options_;
};

void Tasks::declare(CommandLine& line) {
  line.set_help(
      {.about = "aiotrace tasks lists the asyncio tasks of running processes: where each stands and what it waits "
                "for. It only reads their memory: nothing is stopped, nothing is left behind.",
       .usage = {"tasks [OPTIONS] -p PID[,PID…]"},
       .end = "Examples:\n"
              "  sudo aiotrace tasks -p 1234                     a table, a line a task\n"
              "  sudo aiotrace tasks -p 1234 --tree              who waits for whom\n"
              "  sudo aiotrace tasks -p 1234 --stacks --name db  await chains of some tasks\n"
              "  sudo aiotrace tasks -p 1234 --json -            one JSON object for each task"});
  line.add_pids(options_.pids, "processes, with commas between them");
  line.add_flag("--tree", options_.tree, "each task below the one that awaits it");
  line.add_flag("--stacks", options_.stacks, "the whole await chain of each task");
  line.add_text("--name", "TEXT", options_.name, "only tasks with this in their name", "fetch");
  line.add_text("--coroutine", "TEXT", options_.coroutine, "only tasks with this in their coroutine's name", "fetch");
  line.add_flag("--finished", options_.finished,
                "finished tasks too, as far as something still refers to them (before Python 3.14)");
  line.add_flag("-v,--verbose", options_.verbose, "--tree: a line for each task, also for many that read the same");
  line.add_json(options_.json);
}

Status Tasks::check(const CommandLine& line) {
  if (options_.pids.empty()) return line.usage_see_help("no process given", "give -p PID");
  if (options_.tree && options_.stacks) return line.usage("--tree and --stacks", "give only one of them");
  return {};
}

int Tasks::run() {
  const auto interrupt = on_interrupt();
  if (!interrupt) return report(interrupt.error());
  auto out = CommandOutput::open(options_.json, options_.verbose);
  if (!out) return report(out.error());
  if (auto status = probe::keep_capabilities_to_read(); !status) return report(status.error());
  TasksRun run(options_, *out, interrupt->came);
  int exit_status = 0;
  for (const std::int32_t pid : options_.pids) {
    if (auto status = run.look_at(pid); !status) exit_status = report(status.error());
    if (out->reader_gone()) return 0;
    if (*interrupt->came) break;
  }
  run.finish();
  return out->failed() ? kExitFailure : exit_status;
}

}  // namespace

std::unique_ptr<Command> make_tasks() { return std::make_unique<Tasks>(); }

}  // namespace aiotrace::app

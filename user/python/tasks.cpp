#include "python/tasks.h"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>
#include <unordered_map>
#include <unordered_set>

#include "python/await_chain.h"
#include "python/foreign_awaitables.h"
#include "python/frames.h"
#include "python/task_list.h"
#include "util/clock.h"

namespace aiotrace::python {
namespace {

constexpr std::size_t kMaxLoops = 4096;
/// Limit for the links of all chains together: 100,000 tasks that all await one deep chain must not cost a minute.
constexpr std::size_t kMaxLinks = 4'000'000;
constexpr std::size_t kMaxEdges = 4'000'000;

// Sorts "Task-9" before "Task-10".
void sort_by_name(std::vector<Task>& tasks) {
  constexpr std::size_t kMaxDigits = 18;
  struct Key {
    std::string_view word;
    std::uint64_t number = 0;
    std::uint64_t object = 0;
    std::size_t index = 0;
  };
  std::vector<Key> keys;
  keys.reserve(tasks.size());
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const std::string_view name = tasks[i].name;
    std::size_t at = name.size();
    while (at > 0 && name.size() - at < kMaxDigits && name[at - 1] >= '0' && name[at - 1] <= '9') --at;
    Key key{.word = name.substr(0, at), .number = 0, .object = tasks[i].object, .index = i};
    for (const char digit : name.substr(at)) key.number = key.number * 10 + static_cast<std::uint64_t>(digit - '0');
    keys.push_back(key);
  }
  std::ranges::sort(keys, [](const Key& a, const Key& b) {
    if (const int order = a.word.compare(b.word); order != 0) return order < 0;
    return std::pair(a.number, a.object) < std::pair(b.number, b.object);
  });
  std::vector<Task> sorted;
  sorted.reserve(tasks.size());
  for (const Key& key : keys) sorted.push_back(std::move(tasks[key.index]));
  tasks = std::move(sorted);
}

class Look {
 public:
  Look(const Interpreter& interpreter, const proc::Process& process, const proc::Memory& pages, CodeCache& codes,
       TaskReader::Options options)
      : interpreter_(interpreter),
        pages_(pages),
        codes_(codes),
        options_(options),
        reader_(interpreter, pages, codes),
        futures_(reader_.futures()),
        waits_(reader_),
        threads_(python_threads(interpreter, process, pages)),
        running_(find_running(interpreter, futures_, threads_)) {}

  [[nodiscard]] TaskList find() { return find_tasks(interpreter_, pages_, futures_, threads_); }

  void read_all(TaskSnapshot& snapshot, const TaskList& list) {
    snapshot.torn = list.torn;
    snapshot.too_many = list.too_many;
    snapshot.problem = futures_.problem();
    snapshot.tasks.reserve(list.tasks.size());
    for (const auto& [loop, tid] : running_.loops) add_loop(snapshot, loop);
    for (const std::uint64_t object : list.tasks) read_task(snapshot, object);
    sort_by_name(snapshot.tasks);
    std::ranges::sort(snapshot.loops, {}, [](const TaskLoop& loop) { return std::pair(loop.tid, loop.fields.object); });
    join(snapshot);
  }

  [[nodiscard]] std::optional<Task> read_alone(const Task& before, std::uint64_t taken_ns) {
    const auto fields = futures_.read(before.object);
    if (!fields || fields->state != FutureState::pending || fields->coroutine != before.coroutine_at)
      return std::nullopt;
    Task task = before;
    task.stack.clear();
    task.stack_cut = false;
    task.waits_for = {};
    read_stack_of(taken_ns, task, *fields);
    return task;
  }

 private:
  TaskLoop* add_loop(TaskSnapshot& snapshot, std::uint64_t loop) {
    const auto known = loop_index_.find(loop);
    if (known != loop_index_.end()) return &snapshot.loops[known->second];
    if (snapshot.loops.size() >= kMaxLoops) return nullptr;
    const auto thread = running_.loops.find(loop);
    snapshot.loops.push_back({.fields = read_loop(futures_.objects(), loop),
                              .tid = thread != running_.loops.end() ? thread->second : 0,
                              .tasks = 0});
    loop_index_.emplace(loop, snapshot.loops.size() - 1);
    return &snapshot.loops.back();
  }

  void read_task(TaskSnapshot& snapshot, std::uint64_t object) {
    const auto fields = futures_.read(object);
    if (!fields) {
      snapshot.unreadable++;
      return;
    }
    const bool finished = fields->state != FutureState::pending;
    if (finished && !options_.finished) return;
    Task task;
    task.object = object;
    task.loop = fields->loop;
    task.name = futures_.name_of(*fields).value_or("");
    const auto current = running_.tasks.find(object);
    task.state = finished                          ? TaskState::finished
                 : current != running_.tasks.end() ? TaskState::running
                                                   : TaskState::pending;
    if (TaskLoop* loop = add_loop(snapshot, fields->loop)) {
      loop->tasks++;
      task.tid = loop->tid;
    }
    task.coroutine_at = fields->coroutine;
    define(task);
    if (options_.frames) read_stack_of(snapshot.taken_ns, task, *fields);
    snapshot.tasks.push_back(std::move(task));
  }

  void define(Task& task) {
    if (task.coroutine_at == 0) return;
    const auto root = reader_.coroutines().read(task.coroutine_at);
    if (!root) {
      task.coroutine = compiled_coroutine_name(reader_, task.coroutine_at).value_or("");
      return;
    }
    task.coroutine = reader_.coroutines().qualified_name(task.coroutine_at).value_or("");
    const auto code = codes_.find(root->code);
    if (!code) return;
    if (task.coroutine.empty()) task.coroutine = code->function;
    task.file = code->file;
    task.line = code->first_line;
  }

  void read_stack_of(std::uint64_t taken_ns, Task& task, const FutureFields& fields) {
    if (task.state == TaskState::finished || task.coroutine_at == 0) return;
    if (task.state == TaskState::running) {
      task.waits_for.kind = WaitKind::running;
      if (read_running_stack(task)) return;
    }
    if (links_ >= kMaxLinks) {
      task.stack_cut = true;
      return;
    }
    const AwaitChain chain = read_await_chain(reader_, task.coroutine_at);
    links_ += chain.links.size();
    task.stack_cut = chain.cut();
    task.stack.reserve(chain.links.size());
    for (const Coroutine& link : std::views::reverse(chain.links)) {
      TaskFrame frame{.code = codes_.find(link.code), .code_at = link.code, .coroutine_at = link.object};
      if (!frame.code) continue;
      frame.line = link.state == CoroutineState::created ? frame.code->first_line : codes_.line(link.code, link.lasti);
      task.stack.push_back(std::move(frame));
    }
    if (task.state == TaskState::pending) task.waits_for = waits_.read(fields, chain, taken_ns);
  }

  // The frames of a running task are on its thread's stack; false: not found there, or not any more.
  bool read_running_stack(Task& task) {
    const auto current = running_.tasks.find(task.object);
    const auto thread = current != running_.tasks.end() ? threads_.find(current->second) : threads_.end();
    if (thread == threads_.end()) return false;
    const auto frames = read_stack(interpreter_, pages_, thread->second.tstate);
    const auto root = std::ranges::find(frames, task.coroutine_at, &PythonFrame::coroutine_at);
    if (root == frames.end()) return false;
    for (auto frame = frames.begin(); frame != root + 1; ++frame) {
      auto code = codes_.find(frame->code);
      if (code) task.stack.push_back({std::move(code), frame->code, frame->coroutine_at, frame->line});
    }
    return true;
  }

  // Converts "waits for" to "is awaited by".
  void join(TaskSnapshot& snapshot) {
    std::unordered_map<std::uint64_t, std::size_t> index;
    index.reserve(snapshot.tasks.size());
    for (std::size_t i = 0; i < snapshot.tasks.size(); ++i) index.emplace(snapshot.tasks[i].object, i);
    for (std::size_t i = 0; i < snapshot.tasks.size(); ++i) {
      for (const std::uint64_t object : snapshot.tasks[i].waits_for.tasks) {
        const auto target = index.find(object);
        if (target != index.end() && ++edges_ < kMaxEdges) snapshot.tasks[target->second].awaited_by.push_back(i);
      }
    }
    if (options_.frames) join_known(snapshot, index);
    for (Task& task : snapshot.tasks) {
      std::ranges::sort(task.awaited_by);
      const auto [first, last] = std::ranges::unique(task.awaited_by);
      task.awaited_by.erase(first, last);
    }
  }

  // A task can be in a TaskGroup's body, so that its children report that it awaits them, while it does something else.
  static bool names_no_task(WaitKind kind) {
    using enum WaitKind;
    return kind != future && kind != task && kind != gather && kind != wait && kind != shield && kind != task_group;
  }

  static void drop_repeated(std::vector<std::uint64_t>& objects) {
    std::unordered_set<std::uint64_t> seen;
    std::erase_if(objects, [&](std::uint64_t object) { return !seen.insert(object).second; });
  }

  // 3.14+: what a task records about the tasks that await it, through futures like gather()'s too.
  void join_known(TaskSnapshot& snapshot, const std::unordered_map<std::uint64_t, std::size_t>& index) {
    if (interpreter_.layout.user.task_awaited_by == kNoOffset) return;
    constexpr unsigned kMaxBetween = 3;
    for (Task& task : snapshot.tasks) {
      if (task.state == TaskState::finished) continue;
      std::vector<std::uint64_t> level{task.object};
      std::size_t looked = 0;
      for (unsigned depth = 0; depth <= kMaxBetween && !level.empty(); ++depth) {
        std::vector<std::uint64_t> next;
        for (const std::uint64_t object : level) {
          if (++looked > kMaxWaitedFor) break;
          const auto fields = futures_.read(object);
          if (!fields) continue;
          for (const std::uint64_t who : futures_.awaited_by(*fields)) {
            const auto waiter = index.find(who);
            if (waiter == index.end()) {
              if (futures_.kind_of(who) == FutureKind::future) next.push_back(who);
              continue;
            }
            if (++edges_ > kMaxEdges) break;
            task.awaited_by.push_back(waiter->second);
            WaitsFor& its = snapshot.tasks[waiter->second].waits_for;
            if (names_no_task(its.kind)) continue;
            its.tasks.push_back(task.object);
            completed_.insert(waiter->second);
          }
        }
        level = std::move(next);
      }
    }
    for (const std::size_t i : completed_) drop_repeated(snapshot.tasks[i].waits_for.tasks);
  }

  const Interpreter& interpreter_;
  const proc::Memory& pages_;
  CodeCache& codes_;
  TaskReader::Options options_;
  AsyncioReader reader_;
  FutureReader& futures_;
  WaitReader waits_;
  std::map<pid_t, PythonThread> threads_;
  Running running_;
  std::unordered_map<std::uint64_t, std::size_t> loop_index_;
  std::size_t links_ = 0;
  std::size_t edges_ = 0;
  std::unordered_set<std::size_t> completed_;  // tasks to whose waits_for the data of 3.14 was added
};

}  // namespace

TaskReader::TaskReader(const Interpreter& interpreter, const proc::Process& process, const proc::Memory& memory)
    : interpreter_(interpreter), process_(process), pages_(memory), codes_(pages_, interpreter.layout) {}

Result<TaskSnapshot> TaskReader::read(Options options) {
  // A list that changes during the walk is walked again, from fresh pages.
  constexpr unsigned kTries = 5;
  TaskSnapshot snapshot;
  for (unsigned i = 0; i < kTries; ++i) {
    pages_.refresh();
    snapshot = TaskSnapshot{};
    snapshot.taken_ns = monotonic_ns();
    Look look(interpreter_, process_, pages_, codes_, options);
    const TaskList list = look.find();
    if (list.torn && i + 1 < kTries) continue;
    look.read_all(snapshot, list);
    break;
  }
  snapshot.read_ns = monotonic_ns();
  if (!process_.alive()) {
    return fail(fmt::format("tasks of process {}", process_.pid()), "the process has ended");
  }
  return snapshot;
}

namespace {

// Whether two reads of a task show it in the same await.
bool same_await(const Task& a, const Task& b) {
  return a.stack_cut == b.stack_cut && a.waits_for.kind == b.waits_for.kind &&
         a.waits_for.object == b.waits_for.object && a.waits_for.left_ns == b.waits_for.left_ns &&
         std::ranges::equal(a.stack, b.stack, [](const TaskFrame& one, const TaskFrame& other) {
           return one.code_at == other.code_at && one.coroutine_at == other.coroutine_at && one.line == other.line;
         });
}

}  // namespace

std::vector<std::optional<Task>> TaskReader::read_again(std::span<const Task* const> before, std::uint64_t taken_ns) {
  constexpr unsigned kRounds = 4;
  std::vector<std::optional<Task>> found(before.size()), last;
  last.reserve(before.size());
  for (const Task* task : before) last.emplace_back(*task);
  const auto open = [&](std::size_t i) { return !found[i] && last[i]; };
  for (unsigned round = 0; round < kRounds; ++round) {
    if (std::ranges::none_of(std::views::iota(std::size_t{0}, before.size()), open)) break;
    pages_.refresh();
    Look look(interpreter_, process_, pages_, codes_, Options{});
    for (std::size_t i = 0; i < before.size(); ++i) {
      if (!open(i)) continue;
      auto next = look.read_alone(*last[i], taken_ns);
      if (next && same_await(*last[i], *next)) found[i] = next;
      last[i] = std::move(next);
    }
  }
  return found;
}

}  // namespace aiotrace::python

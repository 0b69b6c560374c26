#include "python/task_list.h"

#include <unordered_set>

#include "python/containers.h"

namespace aiotrace::python {
namespace {

constexpr unsigned kMaxInterpreters = 256;

class Finder {
 public:
  Finder(const Interpreter& interpreter, const proc::Memory& memory, FutureReader& futures)
      : layout_(interpreter.layout), interpreter_(interpreter), memory_(memory), futures_(futures) {}

  void add(std::uint64_t object) {
    if (futures_.kind_of(object) != FutureKind::task) return;
    if (list_.tasks.size() >= kMaxTasks) {
      list_.too_many = true;
    } else if (seen_.insert(object).second) {
      list_.tasks.push_back(object);
    }
  }

  void add_sets() {
    const Objects& objects = futures_.objects();
    for (const char* name : {"_all_tasks", "_scheduled_tasks"}) {
      const auto set = objects.find(futures_.tasks_module(), name);
      // asyncio.tasks._all_tasks is never the name of a function, but only in some versions the name of a set.
      const auto items = set ? weak_set_items(objects, *set) : std::nullopt;
      if (set && !items) list_.torn = true;
      for (const std::uint64_t item : items.value_or(std::vector<std::uint64_t>{})) add(item);
    }
    const auto eager = objects.find(futures_.tasks_module(), "_eager_tasks");
    if (!eager) return;
    for (const std::uint64_t item : set_items(objects, *eager).value_or(std::vector<std::uint64_t>{})) add(item);
  }

  // A ring of struct llist_node {next, prev}, its head in a thread's or interpreter's state.
  void add_list(std::uint64_t head) {
    const std::uint32_t node_offset = layout_.user.task_node;
    std::uint64_t before = head;
    std::uint64_t node = memory_.read<std::uint64_t>(head).value_or(0);
    std::size_t steps = 0;
    while (node != head) {
      // A list that was never initialized has two null pointers.
      if (node == 0 && before == head) return;
      const auto back = memory_.read<std::uint64_t>(node + 8);
      if (node == 0 || !back || *back != before || ++steps > kMaxTasks) {
        list_.torn = list_.torn || steps <= kMaxTasks;
        list_.too_many = list_.too_many || steps > kMaxTasks;
        return;
      }
      add(node - node_offset);
      before = node;
      node = memory_.read<std::uint64_t>(node).value_or(0);
    }
  }

  void add_lists(const std::map<pid_t, PythonThread>& threads) {
    const UserLayout& user = layout_.user;
    if (user.task_node == kNoOffset || user.ts_tasks_head == kNoOffset || user.interp_tasks_head == kNoOffset) return;
    for (const auto& [tid, thread] : threads) add_list(thread.tstate + user.ts_tasks_head);
    auto state = memory_.read<std::uint64_t>(interpreter_.interpreters_head);
    for (unsigned i = 0; i < kMaxInterpreters && state && *state != 0; ++i) {
      add_list(*state + user.interp_tasks_head);
      state = memory_.read<std::uint64_t>(*state + layout_.bpf.interp_next);
    }
  }

  TaskList take() { return std::move(list_); }

 private:
  const Layout& layout_;
  const Interpreter& interpreter_;
  const proc::Memory& memory_;
  FutureReader& futures_;
  TaskList list_;
  std::unordered_set<std::uint64_t> seen_;
};

}  // namespace

TaskList find_tasks(const Interpreter& interpreter, const proc::Memory& memory, FutureReader& futures,
                    const std::map<pid_t, PythonThread>& threads) {
  if (futures.tasks_module() == 0) return {};
  Finder finder(interpreter, memory, futures);
  finder.add_lists(threads);
  finder.add_sets();
  return finder.take();
}

Running find_running(const Interpreter& interpreter, const FutureReader& futures,
                     const std::map<pid_t, PythonThread>& threads) {
  const py_layout& bpf = interpreter.layout.bpf;
  const UserLayout& user = interpreter.layout.user;
  const Objects& objects = futures.objects();
  const proc::Memory& memory = objects.memory();
  Running running;
  for (const auto& [tid, thread] : threads) {
    std::uint64_t loop = 0;
    if (user.ts_running_loop != kNoOffset) {
      loop = memory.read<std::uint64_t>(thread.tstate + user.ts_running_loop).value_or(0);
    } else if (const auto dict = memory.pointer(thread.tstate + user.ts_dict)) {
      // Modules/_asynciomodule.c: to 3.11 a PyRunningLoopHolder whose first field is the loop, then the loop itself.
      const auto value = objects.find(*dict, "__asyncio_running_event_loop__");
      const auto type = value ? objects.type_of(*value) : std::nullopt;
      const auto its = type ? objects.type_name(*type) : std::nullopt;
      if (its && its->ends_with("_RunningLoopHolder")) {
        loop = memory.read<std::uint64_t>(*value + bpf.obj_type + 8).value_or(0);
      } else if (its && *its != "NoneType") {
        loop = *value;
      }
    }
    if (loop != 0) running.loops.emplace(loop, tid);
    if (bpf.ts_running_task == kNoOffset) continue;
    const auto task = memory.pointer(thread.tstate + bpf.ts_running_task);
    if (task) running.tasks.emplace(*task, tid);
  }
  for (const auto& [loop, task] : futures.current_tasks()) {
    const auto thread = running.loops.find(loop);
    running.tasks.emplace(task, thread != running.loops.end() ? thread->second : 0);
  }
  return running;
}

}  // namespace aiotrace::python

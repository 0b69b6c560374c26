// The addresses of a process's tasks, without their contents.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <unordered_map>
#include <vector>

#include "proc/memory.h"
#include "python/futures.h"
#include "python/threads.h"

namespace aiotrace::python {

/// Tasks beyond this number are not read.
inline constexpr std::size_t kMaxTasks = 1'000'000;

struct TaskList {
  std::vector<std::uint64_t> tasks;  ///< each once; before 3.14 including finished ones
  bool torn = false;                 ///< a list changed while it was walked: some may be missing
  bool too_many = false;             ///< more than kMaxTasks
};

/// The sets and lists that asyncio.all_tasks() reads: asyncio.tasks' _all_tasks (<= 3.11), _scheduled_tasks and
/// _eager_tasks (3.12+), the lists of each thread and interpreter (3.14+). Each address is checked to be a task by its
/// class.
[[nodiscard]] TaskList find_tasks(const Interpreter& interpreter, const proc::Memory& memory, FutureReader& futures,
                                  const std::map<pid_t, PythonThread>& threads);

/// The running tasks.
struct Running {
  std::unordered_map<std::uint64_t, pid_t> loops;  ///< running loop → its thread
  std::unordered_map<std::uint64_t, pid_t> tasks;  ///< current task → its loop's thread; 0: not known
};
[[nodiscard]] Running find_running(const Interpreter& interpreter, const FutureReader& futures,
                                   const std::map<pid_t, PythonThread>& threads);

}  // namespace aiotrace::python

// A task of asyncio as a list of tasks shows it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/hang.h"
#include "model/names.h"
#include "model/stall.h"

namespace aiotrace::model {

/// What a task waits for, as python::WaitKind explains it.
enum class TaskWaitKind : std::uint8_t {
  unknown,
  start,
  turn,
  running,
  sleep,
  future,
  task,
  gather,
  wait,
  shield,
  task_group,
  lock,
  event,
  condition,
  semaphore,
  barrier,
  queue,
  socket,
  executor,
  process,
  server,
  async_generator,
};
template <>
struct Names<TaskWaitKind> {
  static constexpr std::array<std::string_view, 22> list{
      "unknown", "start",  "turn",       "running", "sleep",  "future",         "task",      "gather",
      "wait",    "shield", "task-group", "lock",    "event",  "condition",      "semaphore", "barrier",
      "queue",   "socket", "executor",   "process", "server", "async-generator"};
};

/// An object that tasks wait for, and its holders: a lock, a queue, an executor …
struct TaskResource {
  HangResource resource;
  std::vector<HangParty> holders;
};

/// Of await sites in their order what is waited for there, and who has it; nothing: not known. Empty: not looked for.
using WaitsOfSites = std::vector<std::optional<TaskResource>>;

struct TaskWait {
  TaskWaitKind kind = TaskWaitKind::unknown;
  std::string call;                     ///< function of the library in which it waits: "Queue.get"; empty: no known one
  std::vector<std::uint64_t> tasks;     ///< ids of the tasks that it waits for
  std::optional<std::int64_t> left_ns;  ///< of a sleep: time until it is due; negative: overdue
  std::optional<std::uint64_t> waiting_ns;         ///< of a sleep: time since its start
  std::optional<std::uint64_t> queue_size;         ///< of a queue, items in it
  std::optional<std::int32_t> fd;                  ///< of a socket
  std::optional<std::int32_t> child_pid;           ///< of a child process
  std::shared_ptr<const TaskResource> resource{};  ///< shared by all that wait for it; null: none, or unknown
};

struct TaskRow {
  std::uint64_t id = 0;  ///< the value of id(task) in the program
  std::uint32_t pid = 0;
  std::uint32_t tid = 0;  ///< 0: no thread runs its loop, or unknown
  std::string name;       ///< UTF-8, not cleaned; empty: unreadable
  std::string state;      ///< "pending", "running", "finished"
  std::string coroutine;  ///< qualified; empty: unknown
  std::string file;       ///< file of its definition; empty: unknown
  std::uint32_t line = 0;
  Stack stack;             ///< await chain, innermost first, to its present line
  bool stack_cut = false;  ///< the chain continues, but could not be followed
  TaskWait waits_for;
  std::vector<std::uint64_t> awaited_by;         ///< ids
  std::optional<std::uint64_t> age_ns;           ///< age since its creation
  std::optional<std::uint64_t> age_at_least_ns;  ///< if only a lower bound is known
};

struct TaskLoopRow {
  std::uint32_t pid = 0;
  std::uint32_t tid = 0;  ///< 0: it does not run, or its thread is unknown
  std::string thread;     ///< empty: unknown
  LoopKind kind = LoopKind::other;
  std::size_t tasks = 0;
  std::optional<std::size_t> ready;      ///< callbacks that will run in its next iteration
  std::optional<std::size_t> scheduled;  ///< timers
};

/// The totals, reported once after the rows.
struct TaskListSummary {
  std::uint64_t time_ns = 0;  ///< CLOCK_MONOTONIC
  std::uint64_t elapsed_ns = 0;
  std::size_t tasks = 0;  ///< of the process
  std::size_t shown = 0;  ///< number of rows written, of these
  std::vector<TaskLoopRow> loops;
  std::size_t unreadable = 0;  ///< tasks that ended while they were read
  bool torn = false;           ///< the lists changed during the walk: some tasks may be missing
  bool too_many = false;       ///< there are more tasks than are read
  bool unnamed =
      false;  ///< names and holders of the objects that tasks wait for were not looked up: too many, or too slow
  std::uint64_t cpu_ns = 0;  ///< of aiotrace
};

}  // namespace aiotrace::model

// All tasks of a process at one moment, as data.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "proc/page_cache.h"
#include "proc/process.h"
#include "python/code_cache.h"
#include "python/interpreter.h"
#include "python/loops.h"
#include "python/waits.h"
#include "util/result.h"

namespace aiotrace::python {

enum class TaskState { pending, running, finished };

/// A place in a coroutine; the names of code objects are shared.
struct TaskFrame {
  std::shared_ptr<const CodeInfo> code;
  std::uint64_t code_at = 0;       ///< address of the code object
  std::uint64_t coroutine_at = 0;  ///< address of the coroutine or generator; 0: a plain function's frame
  std::uint32_t line = 0;          ///< 0: unknown
};

struct Task {
  std::uint64_t object = 0;  ///< address of the Task, unique among live tasks
  std::uint64_t loop = 0;    ///< address of its loop
  pid_t tid = 0;             ///< thread that runs its loop now; 0: none, or unknown
  std::string name;          ///< any characters, at most 1,024; empty: unreadable
  TaskState state = TaskState::pending;
  std::uint64_t coroutine_at = 0;  ///< the root coroutine; 0: finished
  std::string coroutine;           ///< its qualified name; empty: unreadable, or no coroutine (a generator of Cython)
  std::string file;                ///< of its definition
  std::uint32_t line = 0;          ///< first line of its definition; 0: unknown
  std::vector<TaskFrame> stack;    ///< await chain, innermost first; of a running one its frames on the thread
  bool stack_cut = false;          ///< deeper than kMaxAwaitDepth, cyclic, or unreadable behind the first frame
  WaitsFor waits_for;
  std::vector<std::size_t> awaited_by;  ///< indices of the tasks in the snapshot that wait for it, ascending
};

struct TaskLoop {
  LoopFields fields;
  pid_t tid = 0;  ///< 0: does not run, or unknown
  std::size_t tasks = 0;
};

struct TaskSnapshot {
  std::uint64_t taken_ns = 0;   ///< CLOCK_MONOTONIC, at its beginning
  std::uint64_t read_ns = 0;    ///< and when the read ended
  std::vector<Task> tasks;      ///< by name as people count, then address
  std::vector<TaskLoop> loops;  ///< loops that run or have tasks
  // Data that could not be read.
  std::size_t unreadable = 0;  ///< tasks that changed or ended while they were read
  bool torn = false;           ///< the lists changed each time they were walked: some tasks may be missing
  bool too_many = false;       ///< more than kMaxTasks
  std::string problem;         ///< why tasks written in C are missing; empty: they are not
};

/// Takes snapshots of one process. Keeps code objects and memory for pages between snapshots. It only reads, and the
/// process runs during the read: in a busy process each task is correct, but the tasks are not all from the same
/// moment.
class TaskReader {
 public:
  struct Options {
    bool finished = false;  ///< includes finished tasks that are still referenced (before 3.14)
    bool frames = true;     ///< await chains; without them waits_for and awaited_by are empty
  };

  /// All must outlive this object. `interpreter` may be refreshed between two reads.
  TaskReader(const Interpreter& interpreter, const proc::Process& process, const proc::Memory& memory);

  /// Errors: the process has ended (failure). A program without asyncio has no tasks.
  [[nodiscard]] Result<TaskSnapshot> read(Options options);
  [[nodiscard]] Result<TaskSnapshot> read() { return read(Options{}); }

  /// Reads tasks of a snapshot again, each alone and from fresh pages, until two reads agree, because a task that moved
  /// on during the snapshot can look as if it were in an await that never existed. What they wait for is updated, the
  /// rest is kept. Nothing for a task that is not pending any more or moves on all the time. `taken_ns`: the snapshot's
  /// time, from which left_ns counts.
  [[nodiscard]] std::vector<std::optional<Task>> read_again(std::span<const Task* const> before,
                                                            std::uint64_t taken_ns);

 private:
  const Interpreter& interpreter_;
  const proc::Process& process_;
  proc::PageCache pages_;
  CodeCache codes_;
};

}  // namespace aiotrace::python

// Coroutines, asynchronous generators, tasks and futures of a process as one look at its memory finds them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "proc/memory.h"
#include "proc/resident.h"
#include "proc/sweep.h"
#include "python/coroutine.h"
#include "python/interpreter.h"

namespace aiotrace::python {

/// A coroutine, an asynchronous generator, or a plain generator inside an await chain.
struct Stepped : Coroutine {
  std::uint64_t bytes = 0;  ///< with its frame and the collector's header
};

struct Future {
  std::uint64_t address = 0;
  std::uint64_t loop = 0;
  std::uint64_t coroutine = 0;  ///< of a task: its root coroutine
  std::uint64_t waits_for = 0;  ///< of a task that waits: the future
  std::uint64_t exception = 0;
  std::uint64_t callback = 0;  ///< the first of its callbacks
  bool task = false;
  bool pending = false;
  bool unread = false;  ///< ended with an exception that nobody retrieved so far
};

/// Everything that is there, as it was found.
struct Census {
  std::unordered_map<std::uint64_t, Stepped> stepped;
  std::vector<Future> futures;                           ///< tasks among them
  std::unordered_set<std::uint64_t> timed_tasks;         ///< inside an asyncio.timeout() that has a deadline
  std::unordered_set<std::uint64_t> managed_generators;  ///< of a context manager that contextlib made of them
  std::uint64_t bytes = 0;                               ///< of memory looked at
  std::uint64_t swapped_bytes = 0;                       ///< left in swap: what is there was not looked at
  std::uint64_t unseen_bytes = 0;                        ///< could not be read, or over a limit
  std::uint64_t dropped = 0;                             ///< objects over a limit
  [[nodiscard]] std::uint64_t objects() const { return stepped.size() + futures.size(); }
};

/// Types of futures and tasks that a program has, with classes derived from them (at most 64), and others that matter.
struct FutureTypes {
  std::vector<std::uint64_t> tasks;
  std::vector<std::uint64_t> futures;         ///< without the tasks
  std::uint64_t timeout = 0;                  ///< asyncio.timeouts.Timeout (3.11+); 0: not there
  std::uint64_t async_generator_manager = 0;  ///< what contextlib.asynccontextmanager makes; 0: not there
  bool foreign_scheduler = false;             ///< trio or curio is loaded: coroutines need not be asyncio's
};
[[nodiscard]] FutureTypes future_types(const Interpreter& interpreter, const proc::Memory& memory);

/// Reads single objects. Nothing for what is none, has been freed, or is being made or freed just now.
class ObjectReader {
 public:
  /// Both must outlive this object.
  ObjectReader(const Interpreter& interpreter, const proc::Memory& memory)
      : interpreter_(interpreter), memory_(memory), coroutines_(interpreter, memory) {}

  [[nodiscard]] std::optional<Stepped> stepped(std::uint64_t object) const;
  [[nodiscard]] std::optional<Future> future(std::uint64_t object, bool task) const;
  /// Name of an object's type, looked up once for each type; "" when it cannot be read.
  [[nodiscard]] const std::string& type_name(std::uint64_t object) const;
  [[nodiscard]] CoroutineReader& coroutines() const { return coroutines_; }

  [[nodiscard]] const Interpreter& interpreter() const { return interpreter_; }
  [[nodiscard]] const proc::Memory& memory() const { return memory_; }

 private:
  [[nodiscard]] bool alive(std::uint64_t object) const;
  [[nodiscard]] bool believable(const Coroutine& coroutine) const;
  [[nodiscard]] std::uint64_t size_of(const Coroutine& coroutine) const;
  [[nodiscard]] std::uint64_t pointer(std::uint64_t at) const;

  const Interpreter& interpreter_;
  const proc::Memory& memory_;
  mutable CoroutineReader coroutines_;
  mutable std::unordered_map<std::uint64_t, std::string> types_;
};

/// One look: a scan of `resident` of `live`, then each hit read through the reader's memory (a cache before it, if
/// wanted). `also` gets each piece of the memory too.
[[nodiscard]] Census take_census(const ObjectReader& reader, const proc::Memory& live,
                                 const proc::ResidentMemory& resident, const FutureTypes& types,
                                 const proc::TakePiece& also = {});

}  // namespace aiotrace::python

// Futures and tasks of asyncio, those written in C and those written in Python.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "python/interpreter.h"
#include "python/objects.h"

namespace aiotrace::python {

enum class FutureKind { none, future, task };
enum class FutureState { pending, cancelled, finished };

struct FutureFields {
  std::uint64_t object = 0;
  bool task = false;
  bool in_python = false;  ///< asyncio.futures._PyFuture, asyncio.tasks._PyTask, or a class of its own below them
  FutureState state = FutureState::pending;
  std::uint64_t loop = 0;
  std::uint64_t exception = 0;    ///< 0: none
  bool exception_unread = false;  ///< its __del__ would log "exception was never retrieved"
  std::uint64_t coroutine = 0;    ///< coroutine of a task; 0: finished tasks clear it
  std::uint64_t waiter = 0;       ///< _fut_waiter: the future that a pending task waits for; 0: none, the task will run
  std::uint64_t name = 0;         ///< of a task

  [[nodiscard]] bool pending() const { return state == FutureState::pending; }
};

/// Reads Modules/_asynciomodule.c's FutureObj and TaskObj, and the instance attributes of Lib/asyncio/futures.py and
/// tasks.py. For one look, like CoroutineReader.
class FutureReader {
 public:
  /// Both must outlive this object. Looks up the classes, which is cheap. Without asyncio no object is a future.
  FutureReader(const Interpreter& interpreter, const proc::Memory& memory);

  /// The classes of tasks and futures, without derived classes; 0: not imported, or unknown.
  struct Classes {
    std::uint64_t c_task = 0;
    std::uint64_t c_future = 0;
    std::uint64_t python_task = 0;
    std::uint64_t python_future = 0;
  };
  /// The same with known classes.
  FutureReader(const Interpreter& interpreter, const proc::Memory& memory, const Classes& classes)
      : interpreter_(interpreter),
        objects_(memory, interpreter.layout),
        bpf_(interpreter.layout.bpf),
        user_(interpreter.layout.user),
        classes_(classes) {}

  /// Decided by the class; subclasses count too.
  [[nodiscard]] FutureKind kind_of(std::uint64_t object);
  /// Nothing if it is no future, or cannot be one.
  [[nodiscard]] std::optional<FutureFields> read(std::uint64_t object);
  /// At most 1,024 characters; any.
  [[nodiscard]] std::optional<std::string> name_of(const FutureFields& task) const;
  /// Futures and tasks that await it, as it records them (3.14+); empty before.
  [[nodiscard]] std::vector<std::uint64_t> awaited_by(const FutureFields& future) const;
  /// The first done callback: an object; 0: none.
  [[nodiscard]] std::uint64_t first_callback(const FutureFields& future) const;

  /// asyncio.tasks._current_tasks: pairs of a loop and its task. Since 3.14 only tasks written in Python are there.
  [[nodiscard]] std::vector<Objects::Entry> current_tasks() const;

  /// The dict of the module asyncio.tasks; 0: not imported.
  [[nodiscard]] std::uint64_t tasks_module() const { return tasks_module_; }
  [[nodiscard]] const Objects& objects() const { return objects_; }
  [[nodiscard]] const Classes& classes() const { return classes_; }
  /// The reason why tasks written in C cannot be read; empty: they can.
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  struct Class {
    FutureKind kind = FutureKind::none;
    bool in_python = false;
  };
  [[nodiscard]] Class class_of(std::uint64_t object);
  [[nodiscard]] Class classify(std::uint64_t type) const;
  [[nodiscard]] Class by_base(std::uint64_t base) const;
  [[nodiscard]] std::optional<FutureFields> read_c(std::uint64_t object, bool task) const;
  [[nodiscard]] std::optional<FutureFields> read_python(std::uint64_t object, bool task) const;

  const Interpreter& interpreter_;
  Objects objects_;
  const py_layout& bpf_;
  const UserLayout& user_;
  std::uint64_t tasks_module_ = 0;
  Classes classes_;
  std::string problem_;
  std::unordered_map<std::uint64_t, Class> known_;  // by type
};

}  // namespace aiotrace::python

// The stack of a Python thread, read from user space: for work that was already running at the attach.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proc/memory.h"
#include "python/interpreter.h"
#include "python/known_functions.h"

namespace aiotrace::python {

struct PythonFrame {
  std::string function;  ///< qualified where the code object has it (3.11+)
  std::string file;
  std::uint32_t line = 0;                ///< 0: unknown
  std::uint32_t first_line = 0;          ///< of its definition
  std::uint64_t code = 0;                ///< address of the code object
  std::uint64_t at = 0;                  ///< address of the frame; 0: of a coroutine that is not on a stack
  std::int32_t lasti = -1;               ///< byte offset in the bytecode; -1: at its beginning, or unknown
  std::uint64_t coroutine_at = 0;        ///< address of the coroutine that owns the frame; 0: none
  bool coroutine = false;                ///< a coroutine's own frame
  const KnownFunction* known = nullptr;  ///< known function; null: unknown
};

/// Innermost first, at most kMaxStack frames. The thread may run during the read: then the stack may be a mixture that
/// never existed. The stack of a waiting thread is correct. Ends early at memory that cannot be read.
inline constexpr std::size_t kMaxStack = 256;
[[nodiscard]] std::vector<PythonFrame> read_stack(const Interpreter& interpreter, const proc::Memory& memory,
                                                  std::uint64_t tstate);

/// The outermost coroutine of the running callback: the root coroutine of its task. Null if there is none.
[[nodiscard]] const PythonFrame* root_coroutine(const std::vector<PythonFrame>& stack);

/// The name of the task that runs on a thread, found by its root coroutine.
[[nodiscard]] std::optional<std::string> running_task_name(const Interpreter& interpreter, const proc::Memory& memory,
                                                           std::uint64_t tstate, std::uint64_t coroutine_at);

/// True if the thread is inside a callback of its loop, not in the loop's own code.
[[nodiscard]] bool in_callback(const std::vector<PythonFrame>& stack);

/// True if asyncio's event loop, or a coroutine, is on the stack: the thread runs a loop.
[[nodiscard]] bool runs_loop(const std::vector<PythonFrame>& stack);

}  // namespace aiotrace::python

// The stack of a Python thread, read from user space: for what was already going on when BPF came.
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
  std::uint64_t coroutine_at = 0;        ///< address of the coroutine whose own frame it is; 0: of none
  bool coroutine = false;                ///< a coroutine's own frame
  const KnownFunction* known = nullptr;  ///< what is known of the function; null: nothing
};

/// Innermost first, at most kMaxStack frames. The thread runs on meanwhile: of a thread that does, the stack may be a
/// mixture that never was; of one that waits it is right. Ends early at what cannot be read.
inline constexpr std::size_t kMaxStack = 256;
[[nodiscard]] std::vector<PythonFrame> read_stack(const Interpreter& interpreter, const proc::Memory& memory,
                                                  std::uint64_t tstate);

/// The outermost coroutine of the running callback: the root coroutine of its task. Null if there is none.
[[nodiscard]] const PythonFrame* root_coroutine(const std::vector<PythonFrame>& stack);

/// The name of the task that runs on a thread, by its root coroutine.
[[nodiscard]] std::optional<std::string> running_task_name(const Interpreter& interpreter, const proc::Memory& memory,
                                                           std::uint64_t tstate, std::uint64_t coroutine_at);

/// True if the thread is inside a callback of its loop, not in the loop's own code.
[[nodiscard]] bool in_callback(const std::vector<PythonFrame>& stack);

/// True if asyncio's event loop, or a coroutine, is on the stack: the thread runs a loop.
[[nodiscard]] bool runs_loop(const std::vector<PythonFrame>& stack);

}  // namespace aiotrace::python

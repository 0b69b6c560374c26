// Python threads of a process, and their names.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "proc/memory.h"
#include "proc/process.h"
#include "python/interpreter.h"

namespace aiotrace::python {

/// A Python thread from the interpreter's own list.
struct PythonThread {
  std::uint64_t tstate = 0;     ///< address of its PyThreadState
  std::uint64_t thread_id = 0;  ///< pthread_self(), threading's ident
};

/// Every Python thread of every interpreter, by its id in /proc's pid namespace; threads whose id cannot be determined
/// (a C library other than glibc before 3.11) are left out. At most 8,192.
[[nodiscard]] std::map<pid_t, PythonThread> python_threads(const Interpreter& interpreter, const proc::Process& process,
                                                           const proc::Memory& memory);

/// Every PyInterpreterState, the newest first and the main one last. At most 256.
[[nodiscard]] std::vector<std::uint64_t> interpreter_states(const Interpreter& interpreter, const proc::Memory& memory);

/// The thread of this PyThreadState, by its id in /proc's pid namespace; nothing if no live thread has it.
[[nodiscard]] std::optional<pid_t> thread_of_state(const Interpreter& interpreter, const proc::Process& process,
                                                   const proc::Memory& memory, std::uint64_t tstate);

/// True if the C library stores a thread's id in its struct pthread where glibc does; verified with a thread of the
/// process.
[[nodiscard]] bool keeps_tid_in_pthread(const Interpreter& interpreter, const proc::Process& process,
                                        const proc::Memory& memory);

/// Thread.name of every live thread that the module threading knows ("MainThread"), by id in /proc's pid namespace.
/// UTF-8, any characters, at most 256. Empty if threading is not imported.
[[nodiscard]] std::map<pid_t, std::string> thread_names(const Interpreter& interpreter, const proc::Process& process,
                                                        const proc::Memory& memory);

}  // namespace aiotrace::python

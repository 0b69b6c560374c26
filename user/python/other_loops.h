// Loops that are not asyncio's: their tasks are not read, which is reported.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "proc/memory.h"
#include "proc/process.h"
#include "python/interpreter.h"

namespace aiotrace::python {

struct OtherLoop {
  std::string library;  ///< "trio"
  std::string version;  ///< "0.30.0"; empty: unknown. Digits, letters, '.', '+' and '-' only
  pid_t tid = 0;        ///< the thread that runs it
};

/// Loops of trio, curio, gevent, eventlet and Twisted that are on a thread's stack now. A library that is only imported
/// does not count. At most one for each thread.
[[nodiscard]] std::vector<OtherLoop> find_other_loops(const Interpreter& interpreter, const proc::Process& process,
                                                      const proc::Memory& memory);

/// "this is trio 0.30.0: its tasks are not read", if such a loop runs and no loop of asyncio does; otherwise nothing.
[[nodiscard]] std::optional<std::string> why_no_tasks(const Interpreter& interpreter, const proc::Process& process,
                                                      const proc::Memory& memory);

}  // namespace aiotrace::python

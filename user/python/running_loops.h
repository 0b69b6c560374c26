// The asyncio and uvloop loops that threads run, by asyncio's own account.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "proc/process.h"
#include "python/interpreter.h"
#include "python/loops.h"

namespace aiotrace::python {

struct RunningLoop {
  pid_t tid = 0;
  std::uint64_t object = 0;
  EventLoopKind kind = EventLoopKind::other;
  std::string selector;  ///< class of its `_selector`: "EpollSelector"; empty: it has none, as uvloop

  /// It waits by a system call that aiotrace takes for a poll: uvloop, and the selectors of the standard library.
  [[nodiscard]] bool polls_as_known() const;
};

/// Nothing without asyncio. A thread whose state cannot be read is left out.
[[nodiscard]] std::vector<RunningLoop> running_loops(const Interpreter& interpreter, const proc::Process& process,
                                                     const proc::Memory& memory);

}  // namespace aiotrace::python

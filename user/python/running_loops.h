// The asyncio and uvloop loops that threads run, according to asyncio.
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
  std::string selector;  ///< class of its `_selector`: "EpollSelector"; empty: it has none (uvloop)

  /// It waits with a system call that aiotrace recognizes as a poll: uvloop, and the selectors of the standard library.
  [[nodiscard]] bool polls_as_known() const;
};

/// Nothing without asyncio. A thread whose state cannot be read is left out.
[[nodiscard]] std::vector<RunningLoop> running_loops(const Interpreter& interpreter, const proc::Process& process,
                                                     const proc::Memory& memory);

}  // namespace aiotrace::python

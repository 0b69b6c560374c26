// Where a process's loops keep what they have still to do, for BPF.
#pragma once

#include <sys/types.h>

#include <map>

#include "abi/loop_queue.h"
#include "proc/process.h"
#include "python/interpreter.h"

namespace aiotrace::python {

/// By thread, of asyncio's and uvloop's loops that run; what is not found has the address 0. uvloop's timers are its C
/// library's: they are not read. Nothing without asyncio.
[[nodiscard]] std::map<pid_t, loop_queue> loop_queues(const Interpreter& interpreter, const proc::Process& process,
                                                      const proc::Memory& memory);

}  // namespace aiotrace::python

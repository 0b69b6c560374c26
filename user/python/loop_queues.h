// Where a process's loops keep what they have still to do, for BPF.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>

#include "abi/loop_queue.h"
#include "proc/process.h"
#include "python/interpreter.h"

namespace aiotrace::python {

/// By thread, of asyncio's and uvloop's loops that run; what is not found has the address 0. uvloop's timers are its C
/// library's: they are not read. Nothing without asyncio.
using LoopQueues = std::map<pid_t, loop_queue>;
[[nodiscard]] LoopQueues loop_queues(const Interpreter& interpreter, const proc::Process& process,
                                     const proc::Memory& memory);

/// How many callbacks are ready to run in the loop of that thread now. Nothing: its queue is not known, or no more what
/// it was.
[[nodiscard]] std::optional<std::uint64_t> ready_callbacks(const LoopQueues& queues, pid_t tid,
                                                           const proc::Memory& memory);

}  // namespace aiotrace::python

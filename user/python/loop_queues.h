// Addresses of the queues of a process's loops, for BPF.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>

#include "abi/loop_queue.h"
#include "proc/process.h"
#include "python/interpreter.h"

namespace aiotrace::python {

/// By thread, for the running loops of asyncio and uvloop; an address that was not found is 0. uvloop's timers belong
/// to its C library and are not read. Nothing without asyncio.
using LoopQueues = std::map<pid_t, loop_queue>;
[[nodiscard]] LoopQueues loop_queues(const Interpreter& interpreter, const proc::Process& process,
                                     const proc::Memory& memory);

/// The number of callbacks that are ready to run in the loop of that thread now. Nothing: its queue is unknown, or has
/// changed.
[[nodiscard]] std::optional<std::uint64_t> ready_callbacks(const LoopQueues& queues, pid_t tid,
                                                           const proc::Memory& memory);

}  // namespace aiotrace::python

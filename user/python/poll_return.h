// Since when a loop has been in its present iteration, by its own clock: for what began before aiotrace came.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "proc/memory.h"
#include "python/frames.h"
#include "python/interpreter.h"

namespace aiotrace::python {

/// When the poll returned that the innermost BaseEventLoop._run_once on the stack made: its local variable `end_time`,
/// loop.time() right behind the poll plus the clock's resolution (Lib/asyncio/base_events.py, 3.8 to 3.15). By
/// CLOCK_MONOTONIC, which loop.time() reads, in ns; later than the poll's return by the time that _process_events and a
/// wait for the GIL took. Nothing inside the poll itself, without such a frame (uvloop), and for what is no such stamp:
/// later than `now_ns`, or a value that a loop with another clock has.
[[nodiscard]] std::optional<std::uint64_t> poll_returned_ns(const Interpreter& interpreter, const proc::Memory& memory,
                                                            const std::vector<PythonFrame>& stack,
                                                            std::uint64_t now_ns);

}  // namespace aiotrace::python

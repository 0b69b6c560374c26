// When the present iteration of a loop began, on the loop's own clock: for iterations that began before the attach.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "proc/memory.h"
#include "python/frames.h"
#include "python/interpreter.h"

namespace aiotrace::python {

/// The time when the poll returned that was made by the innermost BaseEventLoop._run_once on the stack: its local
/// variable `end_time`, which is loop.time() right after the poll plus the clock's resolution
/// (Lib/asyncio/base_events.py, 3.8 to 3.15). In ns of CLOCK_MONOTONIC, which loop.time() reads. It is later than the
/// poll's return by the time of _process_events and a wait for the GIL. Nothing inside the poll itself, without such a
/// frame (uvloop), and for an impossible value: later than `now_ns`, or from a loop with another clock.
[[nodiscard]] std::optional<std::uint64_t> poll_returned_ns(const Interpreter& interpreter, const proc::Memory& memory,
                                                            const std::vector<PythonFrame>& stack,
                                                            std::uint64_t now_ns);

}  // namespace aiotrace::python

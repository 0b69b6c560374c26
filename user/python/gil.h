// The GIL of a process: its futexes and its holder.
#pragma once

#include <cstdint>

#include "proc/memory.h"
#include "python/interpreter.h"

namespace aiotrace::python {

/// The address of the GIL that a thread waits for, found by its futex; 0: it waits for something else.
[[nodiscard]] std::uint64_t gil_of_futex(const Interpreter& interpreter, const proc::Memory& memory,
                                         std::uint64_t futex);

/// The PyThreadState of the thread that holds it now; 0: no thread holds it.
[[nodiscard]] std::uint64_t gil_holder(const Interpreter& interpreter, const proc::Memory& memory, std::uint64_t gil);

}  // namespace aiotrace::python

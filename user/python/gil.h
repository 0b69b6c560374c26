// The GIL of a process: which futexes are its, and who holds it.
#pragma once

#include <cstdint>

#include "proc/memory.h"
#include "python/interpreter.h"

namespace aiotrace::python {

/// The address of the GIL that a thread waits for, by the futex that it waits on; 0: it waits for something else.
[[nodiscard]] std::uint64_t gil_of_futex(const Interpreter& interpreter, const proc::Memory& memory,
                                         std::uint64_t futex);

/// The PyThreadState of the thread that holds it now; 0: none does.
[[nodiscard]] std::uint64_t gil_holder(const Interpreter& interpreter, const proc::Memory& memory, std::uint64_t gil);

}  // namespace aiotrace::python

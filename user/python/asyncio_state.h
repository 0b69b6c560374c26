// Data that an interpreter's asyncio adds: the location of its current tasks, and the layout of its tasks.
#pragma once

#include "proc/maps.h"
#include "proc/memory.h"
#include "proc/process.h"
#include "python/interpreter.h"

namespace aiotrace::python {

/// Fills in asyncio_loaded, uvloop, current_tasks, asyncio_debug, c_tasks and the task's offsets of an interpreter
/// whose other fields are set. Mismatches with the target are noted.
void look_at_asyncio(Interpreter& interpreter, const proc::Process& process, const proc::Maps& maps,
                     const proc::Memory& memory);

}  // namespace aiotrace::python

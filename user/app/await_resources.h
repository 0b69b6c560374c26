// What tasks wait for at await sites, and who has it: a lock, a pool, an executor …
#pragma once

#include <vector>

#include "model/awaits.h"
#include "model/task_row.h"
#include "proc/memory.h"
#include "proc/process.h"
#include "python/interpreter.h"
#include "python/tasks.h"

namespace aiotrace::app {

/// For each row what most of the tasks wait for that stand there now; nothing where that is no object of its own, or
/// nobody waits now. Only tasks that are in the same await before and after this was read. At most some seconds.
[[nodiscard]] model::WaitsOfSites await_resources(const std::vector<model::AwaitRow>& rows, python::TaskReader& reader,
                                                  const python::Interpreter& interpreter, const proc::Process& process,
                                                  const proc::Memory& memory);

}  // namespace aiotrace::app

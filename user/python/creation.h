// What makes a process's coroutines: the function that a uprobe is set on, and what BPF has to know to read its caller.
#pragma once

#include <cstdint>

#include "abi/origin.h"
#include "proc/maps.h"
#include "proc/process.h"
#include "python/interpreter.h"
#include "util/result.h"

namespace aiotrace::python {

/// Address in the process of _Py_MakeCoro (3.11+; exported since 3.13) or PyCoro_New (<= 3.10, Objects/genobject.c),
/// which return each new coroutine. Errors: unsupported, with what the interpreter lacks.
[[nodiscard]] Result<std::uint64_t> find_coroutine_maker(const Interpreter& interpreter, const proc::Process& process,
                                                         const proc::Maps& maps);

/// All but the pid.
[[nodiscard]] origin_config origin_config_of(const Interpreter& interpreter);

}  // namespace aiotrace::python

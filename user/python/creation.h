// The function that creates a process's coroutines, on which a uprobe is set, and the data that BPF needs to read its
// caller.
#pragma once

#include <cstdint>
#include <vector>

#include "abi/origin.h"
#include "proc/maps.h"
#include "proc/process.h"
#include "python/interpreter.h"
#include "util/result.h"

namespace aiotrace::python {

/// Addresses in the process of the functions that return each new coroutine and asynchronous generator
/// (Objects/genobject.c): _Py_MakeCoro (3.11+; exported since 3.13), or PyCoro_New and PyAsyncGen_New before. Errors:
/// unsupported, and the reason says what the interpreter lacks.
[[nodiscard]] Result<std::vector<std::uint64_t>> find_coroutine_makers(const Interpreter& interpreter,
                                                                       const proc::Process& process,
                                                                       const proc::Maps& maps);

/// The data about the process that BPF needs.
[[nodiscard]] origin_config origin_config_of(const Interpreter& interpreter, const proc::Process& process);

}  // namespace aiotrace::python

// What a process's task steps are made of: the functions that uprobes are set on, and what BPF has to know to read
// them.
#pragma once

#include <cstdint>
#include <vector>

#include "abi/steps.h"
#include "proc/maps.h"
#include "proc/memory.h"
#include "proc/process.h"
#include "python/interpreter.h"
#include "util/result.h"

namespace aiotrace::python {

/// Addresses in the process: of exported functions, and out of the types' slots, which a stripped build has, too.
struct StepFunctions {
  std::uint64_t send = 0;           ///< PyIter_Send or PyCoro_Type's am_send (3.10+), _PyGen_Send before
  std::uint64_t raise = 0;          ///< its method throw()
  std::vector<std::uint64_t> done;  ///< Future's methods set_result(), set_exception(), cancel()
  std::uint64_t task_made = 0;      ///< Task.__init__
};

/// Errors: unsupported, with what the interpreter lacks.
[[nodiscard]] Result<StepFunctions> find_step_functions(const Interpreter& interpreter, const proc::Process& process,
                                                        const proc::Maps& maps, const proc::Memory& memory);

/// What of the process and its layout BPF wants.
[[nodiscard]] step_config step_config_of(const Interpreter& interpreter, const proc::Process& process,
                                         const proc::Maps& maps, const proc::Memory& memory);

}  // namespace aiotrace::python

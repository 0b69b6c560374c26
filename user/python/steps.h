// The functions that make up a process's task steps, on which uprobes are set, and the data that BPF needs to read
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

/// Addresses in the process, from exported functions and from the types' slots, which a stripped build has too.
struct StepFunctions {
  std::uint64_t send = 0;           ///< PyIter_Send or PyCoro_Type's am_send (3.10+), _PyGen_Send before
  std::uint64_t raise = 0;          ///< its method throw()
  std::vector<std::uint64_t> done;  ///< Future's methods set_result(), set_exception(), cancel()
  std::uint64_t task_made = 0;      ///< Task.__init__
};

/// Errors: unsupported, and the reason says what the interpreter lacks.
[[nodiscard]] Result<StepFunctions> find_step_functions(const Interpreter& interpreter, const proc::Process& process,
                                                        const proc::Maps& maps, const proc::Memory& memory);

/// The data about the process and its layout that BPF needs.
[[nodiscard]] step_config step_config_of(const Interpreter& interpreter, const proc::Process& process,
                                         const proc::Maps& maps, const proc::Memory& memory);

}  // namespace aiotrace::python

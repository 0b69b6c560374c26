// How the interpreter of a process was built.
#pragma once

#include <optional>

#include "proc/maps.h"
#include "proc/memory.h"
#include "proc/process.h"
#include "python/interpreter.h"

namespace aiotrace::python {

/// Nothing: it cannot be determined.
struct Build {
  std::optional<bool> debug;     ///< Py_DEBUG: the module sys has gettotalrefcount (Python/sysmodule.c, Py_REF_DEBUG)
  std::optional<bool> stripped;  ///< the file that holds the runtime has no .symtab
};

[[nodiscard]] Build look_at_build(const Interpreter& interpreter, const proc::Process& process, const proc::Maps& maps,
                                  const proc::Memory& memory);

}  // namespace aiotrace::python

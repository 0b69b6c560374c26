// Coroutines that were collected without having been awaited, from the program's own warnings.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "proc/memory.h"
#include "python/interpreter.h"

namespace aiotrace::python {

struct Dropped {
  std::string coroutine;  ///< qualified name
  std::string file;       ///< of the module in which it was dropped; empty: unknown
  std::uint32_t line = 0;
};

/// From the __warningregistry__ of each module of sys.modules, at most 10,000: one entry for each line and coroutine,
/// however often it happened. A program that ignores RuntimeWarning records nothing.
[[nodiscard]] std::vector<Dropped> dropped_coroutines(const Interpreter& interpreter, const proc::Memory& memory);

}  // namespace aiotrace::python

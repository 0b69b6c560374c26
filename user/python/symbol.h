// Where a function or object of the interpreter is, by its name.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "proc/maps.h"
#include "proc/process.h"
#include "python/interpreter.h"

namespace aiotrace::python {

/// An address in the process. Nothing for what the interpreter's file neither exports nor has in a symbol table.
[[nodiscard]] std::optional<std::uint64_t> symbol_address(const Interpreter& interpreter, const proc::Process& process,
                                                          const proc::Maps& maps, std::string_view name);

}  // namespace aiotrace::python

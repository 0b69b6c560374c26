// The address of a function or object of the interpreter, by its name.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "proc/maps.h"
#include "proc/process.h"
#include "python/interpreter.h"

namespace aiotrace::python {

/// An address in the process. Nothing if the interpreter's file neither exports it nor has it in a symbol table.
[[nodiscard]] std::optional<std::uint64_t> symbol_address(const Interpreter& interpreter, const proc::Process& process,
                                                          const proc::Maps& maps, std::string_view name);

}  // namespace aiotrace::python

// What BPF has to know of a traced process.
#pragma once

#include <cstdint>

#include "abi/config.h"
#include "python/interpreter.h"

namespace aiotrace::python {

/// `interpreter`: null of a process that is traced as a plain loop. `generation`: another one at each call.
[[nodiscard]] process_config process_config_of(const Interpreter* interpreter, std::uint32_t generation);

}  // namespace aiotrace::python

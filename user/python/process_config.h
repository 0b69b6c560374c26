// The data about a traced process that BPF needs.
#pragma once

#include <cstdint>

#include "abi/config.h"
#include "python/interpreter.h"

namespace aiotrace::python {

/// `interpreter`: null for a process that is traced as a plain loop. `generation`: must differ at each call.
[[nodiscard]] process_config process_config_of(const Interpreter* interpreter, std::uint32_t generation);

}  // namespace aiotrace::python

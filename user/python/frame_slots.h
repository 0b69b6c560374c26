// The number of used words of a coroutine's frame.
#pragma once

#include <cstdint>

#include "python/asyncio_reader.h"

namespace aiotrace::python {

/// The number of its variables, without its stack; 0: unknown.
[[nodiscard]] std::uint64_t variable_slots(const AsyncioReader& reader, const Coroutine& of);

/// The number of variables and stack entries of a suspended one, up to the top of the stack; 0: unknown.
[[nodiscard]] std::uint64_t used_slots(const AsyncioReader& reader, const Coroutine& of);

}  // namespace aiotrace::python

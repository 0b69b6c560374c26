// How many words a coroutine's frame has in use.
#pragma once

#include <cstdint>

#include "python/asyncio_reader.h"

namespace aiotrace::python {

/// Its variables, without its stack; 0: not known.
[[nodiscard]] std::uint64_t variable_slots(const AsyncioReader& reader, const Coroutine& of);

/// Variables and stack of a suspended one, up to the stack's top; 0: not known.
[[nodiscard]] std::uint64_t used_slots(const AsyncioReader& reader, const Coroutine& of);

}  // namespace aiotrace::python

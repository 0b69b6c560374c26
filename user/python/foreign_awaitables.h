// Awaitables of classes that are not CPython's: coroutines of Cython, mypyc and Nuitka, and those that a program
// writes.
#pragma once

#include <cstdint>
#include <vector>

#include "python/asyncio_reader.h"

namespace aiotrace::python {

/// Coroutines and asynchronous generators that can be reached from the object's own fields: through wrappers
/// (`coroutine_wrapper`, `asend()`), up to two objects of other unknown classes (where compiled coroutines keep their
/// variables), and any number of coroutines of the object's own class. Memory behind the object and freed objects are
/// ignored. At most 4,096.
[[nodiscard]] std::vector<std::uint64_t> coroutines_behind(AsyncioReader& reader, std::uint64_t object);

}  // namespace aiotrace::python

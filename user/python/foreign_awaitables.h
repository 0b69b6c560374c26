// Awaitables of classes that are not CPython's: coroutines of Cython, mypyc and Nuitka, and those that a program
// writes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "python/asyncio_reader.h"

namespace aiotrace::python {

/// Coroutines and asynchronous generators that can be reached from the object's own fields: through wrappers
/// (`coroutine_wrapper`, `asend()`), up to two objects of other unknown classes (where compiled coroutines keep their
/// variables), and any number of coroutines of the object's own class. Memory behind the object and freed objects are
/// ignored. At most 4,096.
[[nodiscard]] std::vector<std::uint64_t> coroutines_behind(AsyncioReader& reader, std::uint64_t object);

/// The qualified name of a coroutine that Cython or Nuitka compiled; nothing for others. It lies in the object behind
/// the name: gi_name, gi_qualname in Cython/Utility/Coroutine.c (3.2), m_name, m_qualname in Nuitka's
/// compiled_coroutine.h.
[[nodiscard]] std::optional<std::string> compiled_coroutine_name(AsyncioReader& reader, std::uint64_t object);

}  // namespace aiotrace::python

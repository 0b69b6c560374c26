// Awaitables of classes that are not CPython's: coroutines of Cython, mypyc and Nuitka, and those that a program
// writes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "python/asyncio_reader.h"

namespace aiotrace::python {

/// Coroutines and asynchronous generators that the object's own fields lead to, through wrappers (`coroutine_wrapper`,
/// `asend()`), up to two objects of other classes that are not known, which is where a compiled coroutine has its
/// variables, and any number of coroutines of the object's own class.
/// What lies behind the object, or in what has been freed, is not believed. At most 4,096.
[[nodiscard]] std::vector<std::uint64_t> coroutines_behind(AsyncioReader& reader, std::uint64_t object);

/// The qualified name of a coroutine that Cython or Nuitka compiled; nothing for others. It lies in the object behind the
/// name: gi_name, gi_qualname in Cython/Utility/Coroutine.c (3.2), m_name, m_qualname in Nuitka's compiled_coroutine.h.
[[nodiscard]] std::optional<std::string> compiled_coroutine_name(AsyncioReader& reader, std::uint64_t object);

}  // namespace aiotrace::python

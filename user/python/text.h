// Python strings of a process.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "proc/memory.h"
#include "python/layout.h"

namespace aiotrace::python {

/// A str object as UTF-8: at most `max_characters` of it, the rest is dropped. Lone surrogates and numbers above
/// U+10FFFF become U+FFFD. Nothing if it is no compact string, or cannot be read. Control characters are kept. The
/// object's type is not checked: a wrong address gives nothing or meaningless text, but never a read out of bounds in
/// aiotrace.
[[nodiscard]] std::optional<std::string> read_text(const proc::Memory& memory, const Layout& layout,
                                                   std::uint64_t object, std::size_t max_characters = 4096);

/// The name of a task written in C, and the qualified name of a coroutine; like read_text().
[[nodiscard]] std::optional<std::string> read_task_name(const proc::Memory& memory, const Layout& layout,
                                                        std::uint64_t task, std::size_t max_characters);
[[nodiscard]] std::optional<std::string> read_coroutine_name(const proc::Memory& memory, const Layout& layout,
                                                             std::uint64_t coroutine, std::size_t max_characters);

/// A bytes object; nothing when it is longer than `max_bytes`.
[[nodiscard]] std::optional<std::string> read_bytes(const proc::Memory& memory, const Layout& layout,
                                                    std::uint64_t object, std::size_t max_bytes);

}  // namespace aiotrace::python

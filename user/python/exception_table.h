// Which handler covers an instruction: co_exceptiontable of CPython 3.11 and later.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace aiotrace::python {

/// An entry of the table. Offsets are bytes in the bytecode.
struct HandlerEntry {
  std::uint32_t target = 0;  ///< where the handler begins
  std::uint32_t depth = 0;   ///< number of values on the frame's stack that are left when it begins
};

/// The innermost handler of the instruction at `offset`; nothing if none covers it, or the table is incomplete. Format:
/// Objects/exception_handling_notes.txt of CPython.
[[nodiscard]] std::optional<HandlerEntry> handler_of(std::span<const std::uint8_t> table, std::uint32_t offset);

}  // namespace aiotrace::python

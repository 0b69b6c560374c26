// Converts an instruction of a code object to its line.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace aiotrace::python {

/// The line of the instruction at `lasti`, a byte offset in the bytecode; -1 is the first line. Nothing for an
/// instruction without a line, an offset behind the table, or a broken table. Never reads outside of `table`.
///
/// `version` is a PY_VERSION_HEX, and `table` has the format of that version: co_lnotab to 3.9
/// (Objects/lnotab_notes.txt), co_linetable of 3.10 (PEP 626), the location table since 3.11
/// (InternalDocs/code_objects.md).
[[nodiscard]] std::optional<std::uint32_t> line_of(std::uint32_t version, std::span<const std::uint8_t> table,
                                                   std::uint32_t first_line, std::int32_t lasti);

}  // namespace aiotrace::python

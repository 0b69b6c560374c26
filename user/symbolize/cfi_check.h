// Checks whether unwinding rules are safe for libdw.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace aiotrace::symbolize {

enum class FrameSection : std::uint8_t { eh_frame, debug_frame };

/// libdw stores a rule for each register up to the greatest register number in the rules. That number can be 268
/// million, which takes two gigabytes for one address. False if an entry names a register above 1,024 (x86-64 and arm64
/// end at 100), or cannot be read. Checks every instruction once; DWARF 5, section 6.4, and the LSB's "Exception
/// Frames".
[[nodiscard]] bool is_harmless(std::span<const std::byte> section, FrameSection kind);

}  // namespace aiotrace::symbolize

// Whether unwinding rules may be given to libdw.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace aiotrace::symbolize {

enum class FrameSection : std::uint8_t { eh_frame, debug_frame };

/// libdw keeps a rule for each register up to the greatest number that rules name, which can be 268 million of them:
/// two gigabytes for one address. False if an entry names a register above 1,024 (x86-64 and arm64 end at 100), or
/// cannot be read. Looks at every instruction once; DWARF 5, section 6.4, and the LSB's "Exception Frames".
[[nodiscard]] bool is_harmless(std::span<const std::byte> section, FrameSection kind);

}  // namespace aiotrace::symbolize

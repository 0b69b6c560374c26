// Detects files that are large but mostly without content.
#pragma once

#include <cstdint>

namespace aiotrace::proc {

/// True if more than half of a range of a file is a hole, or it has more holes than any ordinary file: reading it would
/// waste memory. False for ranges of 64 KiB or less. If the file system has no holes, everything is content. Changes
/// the descriptor's position.
[[nodiscard]] bool is_mostly_hole(int fd, std::uint64_t offset, std::uint64_t size);

}  // namespace aiotrace::proc

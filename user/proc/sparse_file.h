// Files that are large without taking room.
#pragma once

#include <cstdint>

namespace aiotrace::proc {

/// True if more than half of a range of a file is a hole, or it has more holes than any file that was written for its
/// content: what reads it would take memory for nothing. Ranges of 64 KiB or less never are. Where the file system
/// knows no holes, all is content. Moves the descriptor's position.
[[nodiscard]] bool is_mostly_hole(int fd, std::uint64_t offset, std::uint64_t size);

}  // namespace aiotrace::proc

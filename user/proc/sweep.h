// All of some ranges of a process's memory, piece by piece.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "proc/memory.h"
#include "proc/resident.h"

namespace aiotrace::proc {

/// Gets a piece of memory and its address.
using TakePiece = std::function<void(std::span<const std::byte> bytes, std::uint64_t address)>;

struct Swept {
  std::uint64_t bytes = 0;             ///< read
  std::uint64_t unreadable_bytes = 0;  ///< unmapped meanwhile
};

/// Reads `ranges`, whole pages, in ascending order: pieces of at most 512 KiB, which a CPU's caches keep.
Swept sweep(const Memory& memory, const std::vector<Range>& ranges, const TakePiece& take);

}  // namespace aiotrace::proc

// Reads ranges of a process's memory completely, piece by piece.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "proc/memory.h"
#include "proc/resident.h"

namespace aiotrace::proc {

/// Called with a piece of memory and its address.
using TakePiece = std::function<void(std::span<const std::byte> bytes, std::uint64_t address)>;

struct Swept {
  std::uint64_t bytes = 0;             ///< read
  std::uint64_t unreadable_bytes = 0;  ///< bytes that were unmapped
};

/// Reads `ranges`, whole pages, in ascending order: in pieces of at most 512 KiB, which fit in a CPU's caches.
Swept sweep(const Memory& memory, const std::vector<Range>& ranges, const TakePiece& take);

}  // namespace aiotrace::proc

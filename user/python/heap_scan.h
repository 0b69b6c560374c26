// Objects of chosen types, anywhere in a process's memory.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "proc/memory.h"
#include "proc/resident.h"
#include "proc/sweep.h"
#include "python/pointer_sieve.h"

namespace aiotrace::python {

/// Recognizes objects by the type pointer in their header. CPython's own lists of objects would be exact, but they
/// change during a walk. A scan of all memory follows no pointers, so no race can mislead it. A hit can be a freed
/// block, or no object at all, so the caller must check each hit.
class HeapScan {
 public:
  /// Hits beyond this number are counted and dropped.
  static constexpr std::size_t kMaxHits = 4'000'000;

  /// `obj_type` is the offset of the type pointer in an object; both it and objects are aligned to 16 bytes + 8.
  HeapScan(std::span<const std::uint64_t> types, std::uint32_t obj_type);

  struct Found {
    std::vector<std::vector<std::uint64_t>> objects;  ///< by index in `types`, ascending addresses
    std::size_t hits = 0;                             ///< number of all hits
    std::uint64_t bytes = 0;                          ///< read
    std::uint64_t unreadable_bytes = 0;               ///< unmapped during the scan
    std::uint64_t dropped = 0;                        ///< hits over the limit
  };
  /// `also` gets each piece of the memory too.
  [[nodiscard]] Found run(const proc::Memory& memory, const std::vector<proc::Range>& ranges,
                          const proc::TakePiece& also = {}) const;

 private:
  void look(std::span<const std::byte> bytes, std::uint64_t address, Found& found) const;

  std::vector<std::uint64_t> types_;
  PointerSieve sieve_;
  std::uint32_t obj_type_;
};

}  // namespace aiotrace::python

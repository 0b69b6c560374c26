// Objects of chosen types, wherever in a process's memory they are.
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
/// change while they are walked; a scan of all memory follows no pointer at all, so there is no race that leads it
/// astray. What it finds can be a block that was freed, or no object at all: each hit has to be checked before it is
/// believed.
class HeapScan {
 public:
  /// More hits than this are counted and dropped.
  static constexpr std::size_t kMaxHits = 4'000'000;

  /// `obj_type` is the offset of the type pointer in an object; both it and objects are aligned to 16 bytes + 8.
  HeapScan(std::span<const std::uint64_t> types, std::uint32_t obj_type);

  struct Found {
    std::vector<std::vector<std::uint64_t>> objects;  ///< by index in `types`, ascending addresses
    std::size_t hits = 0;                             ///< all of them
    std::uint64_t bytes = 0;                          ///< read
    std::uint64_t unreadable_bytes = 0;               ///< unmapped meanwhile
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

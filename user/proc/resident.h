// The memory of a process that may contain heaps, and which pages of it are resident: other pages are never accessed.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "proc/maps.h"

namespace aiotrace::proc {

struct Range {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  [[nodiscard]] std::uint64_t size() const { return end - start; }
  bool operator==(const Range&) const = default;
};

struct ResidentMemory {
  std::vector<Range> ranges;        ///< ascending; whole pages that are in memory
  std::uint64_t bytes = 0;          ///< size of all ranges
  std::uint64_t swapped_bytes = 0;  ///< in swap: not read
  std::uint64_t skipped_bytes = 0;  ///< address space beyond the limits below: not read
  bool known = false;               ///< false: /proc/PID/pagemap cannot be read, `ranges` are whole mappings
};

/// Limits of address space and of memory for one look.
inline constexpr std::uint64_t kMaxHeapSpace = std::uint64_t{256} << 30;
inline constexpr std::uint64_t kMaxHeapBytes = std::uint64_t{64} << 30;

/// Private, writable mappings without a file: malloc and pymalloc get memory from these. Without stacks of main
/// threads.
[[nodiscard]] std::vector<Range> heap_mappings(const Maps& maps);

/// The pages of `mappings` that are in memory, by /proc/PID/pagemap: reading a page that is not would add a page of
/// zeroes to the process, or load one from swap.
[[nodiscard]] ResidentMemory resident_memory(pid_t pid, const std::vector<Range>& mappings);

/// The same, from pagemap's entries, 8 bytes for each page from `start` on (Documentation/admin-guide/mm/pagemap.rst):
/// bit 63 present, bit 62 swapped. Ranges that are adjacent to the last one are joined with it.
void add_resident(std::uint64_t start, const std::vector<std::uint64_t>& entries, ResidentMemory& into);

}  // namespace aiotrace::proc

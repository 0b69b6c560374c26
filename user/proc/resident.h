// The memory of a process that its heaps can be in, and which of it is there: what is not is never touched.
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
  std::vector<Range> ranges;        ///< ascending, whole pages that are in memory
  std::uint64_t bytes = 0;          ///< of all ranges
  std::uint64_t swapped_bytes = 0;  ///< in swap: left there
  std::uint64_t skipped_bytes = 0;  ///< of address space behind the limits below: not looked at
  bool known = false;               ///< false: /proc/PID/pagemap cannot be read, `ranges` are whole mappings
};

/// Of address space and of memory that one look takes in.
inline constexpr std::uint64_t kMaxHeapSpace = std::uint64_t{256} << 30;
inline constexpr std::uint64_t kMaxHeapBytes = std::uint64_t{64} << 30;

/// Private, writable, without a file: where malloc and pymalloc get memory from. No stacks of main threads.
[[nodiscard]] std::vector<Range> heap_mappings(const Maps& maps);

/// The pages of `mappings` that are in memory, by /proc/PID/pagemap: reading a page that is not would put a page of
/// zeroes into the process, or bring one back from swap.
[[nodiscard]] ResidentMemory resident_memory(pid_t pid, const std::vector<Range>& mappings);

/// The same from pagemap's numbers, 8 bytes for each page from `start` on (Documentation/admin-guide/mm/pagemap.rst):
/// bit 63 present, bit 62 swapped. Ranges that touch the last one are joined with it.
void add_resident(std::uint64_t start, const std::vector<std::uint64_t>& entries, ResidentMemory& into);

}  // namespace aiotrace::proc

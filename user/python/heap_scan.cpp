#include "python/heap_scan.h"

#include <algorithm>
#include <cstddef>

namespace aiotrace::python {
namespace {

constexpr std::size_t kAlignment = 16;

}  // namespace

HeapScan::HeapScan(std::span<const std::uint64_t> types, std::uint32_t obj_type)
    : types_(types.begin(), types.end()), sieve_(types.size()), obj_type_(obj_type) {
  for (const std::uint64_t type : types_) sieve_.add(type);
}

void HeapScan::look(std::span<const std::byte> bytes, std::uint64_t address, Found& found) const {
  // Objects begin at multiples of 16 (pymalloc's ALIGNMENT, malloc's MALLOC_ALIGNMENT).
  sieve_.sift<kAlignment>(bytes, obj_type_ % kAlignment, ~std::uint64_t{0}, [&](std::size_t at, std::uint64_t word) {
    const auto type = std::ranges::find(types_, word);
    if (type == types_.end()) return;
    if (found.hits >= kMaxHits) {
      ++found.dropped;
      return;
    }
    found.hits++;
    found.objects[static_cast<std::size_t>(type - types_.begin())].push_back(address + at - obj_type_);
  });
}

HeapScan::Found HeapScan::run(const proc::Memory& memory, const std::vector<proc::Range>& ranges,
                              const proc::TakePiece& also) const {
  Found found;
  found.objects.resize(types_.size());
  const auto swept = proc::sweep(memory, ranges, [&](std::span<const std::byte> bytes, std::uint64_t address) {
    look(bytes, address, found);
    if (also) also(bytes, address);
  });
  found.bytes = swept.bytes;
  found.unreadable_bytes = swept.unreadable_bytes;
  return found;
}

}  // namespace aiotrace::python

#include "python/heap_scan.h"

#include <algorithm>
#include <cstddef>

namespace aiotrace::python {
namespace {

constexpr std::size_t kChunk = std::size_t{512} << 10;
constexpr std::size_t kPage = 4096;
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

HeapScan::Found HeapScan::run(const proc::Memory& memory, const std::vector<proc::Range>& ranges) const {
  Found found;
  found.objects.resize(types_.size());
  std::vector<std::byte> buffer(kChunk);
  for (const proc::Range& range : ranges) {
    for (std::uint64_t at = range.start; at < range.end;) {
      const auto chunk = std::span(buffer).first(std::min<std::uint64_t>(kChunk, range.end - at));
      if (memory.read(at, chunk)) {
        look(chunk, at, found);
        found.bytes += chunk.size();
      } else {
        // Something in it was unmapped: the pages that are left, one by one.
        for (std::size_t page = 0; page < chunk.size(); page += kPage) {
          const auto bytes = chunk.subspan(page, std::min(kPage, chunk.size() - page));
          if (memory.read(at + page, bytes)) {
            look(bytes, at + page, found);
            found.bytes += bytes.size();
          } else {
            found.unreadable_bytes += bytes.size();
          }
        }
      }
      at += chunk.size();
    }
  }
  return found;
}

}  // namespace aiotrace::python

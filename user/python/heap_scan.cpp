#include "python/heap_scan.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace aiotrace::python {
namespace {

constexpr std::size_t kChunk = std::size_t{512} << 10;
constexpr std::size_t kPage = 4096;
constexpr std::size_t kAlignment = 16;

std::size_t bits(std::uint64_t pointer, std::size_t size) { return (pointer >> 4) % size; }

}  // namespace

HeapScan::HeapScan(std::span<const std::uint64_t> types, std::uint32_t obj_type)
    : types_(types.begin(), types.end()), obj_type_(obj_type) {
  for (const std::uint64_t type : types_) {
    if (type != 0) maybe_[bits(type, maybe_.size())] = 1;
  }
}

void HeapScan::look(std::span<const std::byte> bytes, std::uint64_t address, Found& found) const {
  // Objects begin at multiples of 16 (pymalloc's ALIGNMENT, malloc's MALLOC_ALIGNMENT).
  for (std::size_t at = obj_type_ % kAlignment; at + 8 <= bytes.size(); at += kAlignment) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, 8);
    if (maybe_[bits(word, maybe_.size())] == 0 || word == 0) continue;
    for (std::size_t i = 0; i < types_.size(); ++i) {
      if (types_[i] != word) continue;
      if (found.hits < kMaxHits) {
        found.hits++;
        found.objects[i].push_back(address + at - obj_type_);
      } else {
        ++found.dropped;
      }
      break;
    }
  }
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

// Searches for a few pointers among all words of a heap.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace aiotrace::python {

/// Excludes nearly every word that is not one of the pointers, in about a nanosecond.
class PointerSieve {
 public:
  /// For about this many pointers: then one word in 64 passes without being a pointer. Never more than 1 MiB, so that
  /// it fits in a cache.
  explicit PointerSieve(std::size_t pointers)
      : slots_(std::bit_ceil(std::clamp<std::size_t>(64 * pointers, 4096, std::size_t{1} << 20))) {}

  /// 0 is no pointer.
  void add(std::uint64_t pointer) {
    if (pointer != 0) slots_[slot(pointer)] = 1;
  }

  /// take(offset, word) for each word & `mask` at `first`, `first` + kStride, … that may be one of the pointers.
  template <std::size_t kStride, class Take>
  void sift(std::span<const std::byte> bytes, std::size_t first, std::uint64_t mask, const Take& take) const {
    constexpr std::size_t kBlock = 4 * kStride;
    const auto word = [&](std::size_t at) {
      std::uint64_t value = 0;
      std::memcpy(&value, bytes.data() + at, sizeof value);
      return value & mask;
    };
    const auto look = [&](std::size_t at) {
      const std::uint64_t value = word(at);
      if (slots_[slot(value)] != 0 && value != 0) take(at, value);
    };
    std::size_t at = first;
    // Four tests share one branch, which nearly always goes the same way.
    for (; at + 3 * kStride + sizeof(std::uint64_t) <= bytes.size(); at += kBlock) {
      const unsigned any = slots_[slot(word(at))] | slots_[slot(word(at + kStride))] |
                           slots_[slot(word(at + 2 * kStride))] | slots_[slot(word(at + 3 * kStride))];
      if (any == 0) continue;
      for (std::size_t i = 0; i < 4; ++i) look(at + i * kStride);
    }
    for (; at + sizeof(std::uint64_t) <= bytes.size(); at += kStride) look(at);
  }

 private:
  [[nodiscard]] std::size_t slot(std::uint64_t pointer) const { return (pointer >> 4) & (slots_.size() - 1); }

  std::vector<std::uint8_t> slots_;
};

}  // namespace aiotrace::python

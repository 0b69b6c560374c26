// A process's memory made by a test: blocks of bytes at chosen addresses.
#pragma once

#include <cerrno>
#include <cstring>
#include <map>
#include <string_view>
#include <vector>

#include "proc/memory.h"

namespace aiotrace::testing {

class FakeMemory final : public proc::Memory {
 public:
  /// A block of zeroes. Blocks must not overlap; a read must lie in one of them.
  void add(std::uint64_t address, std::size_t size) { blocks_[address].resize(size); }
  void write(std::uint64_t address, std::span<const std::byte> bytes) {
    auto block = blocks_.upper_bound(address);
    --block;
    std::memcpy(block->second.data() + (address - block->first), bytes.data(), bytes.size());
  }
  void write(std::uint64_t address, std::string_view text) { write(address, std::as_bytes(std::span(text))); }
  template <class T>
    requires std::is_integral_v<T>
  void put(std::uint64_t address, T value) {
    write(address, std::as_bytes(std::span(&value, 1)));
  }

  int try_read(std::uint64_t address, std::span<std::byte> into) const override {
    auto block = blocks_.upper_bound(address);
    if (block == blocks_.begin()) return EFAULT;
    --block;
    const std::uint64_t at = address - block->first;
    if (at > block->second.size() || into.size() > block->second.size() - at) return EFAULT;
    std::memcpy(into.data(), block->second.data() + at, into.size());
    return 0;
  }

 private:
  std::map<std::uint64_t, std::vector<std::byte>> blocks_;
};

}  // namespace aiotrace::testing

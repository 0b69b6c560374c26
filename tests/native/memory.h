// The memory of a target that a test makes up, with pieces that cannot be read.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/native/host.h"

namespace aiotrace::testing {

/// One object at a time: the memory that the helpers read. Also collects the records that they send.
class Memory {
 public:
  Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory();

  /// Memory of zeros from `address` on, for the test to fill.
  void map(std::uint64_t address, std::size_t size);
  void unmap(std::uint64_t address);
  template <class T>
  void put(std::uint64_t address, T value) {
    write(address, &value, sizeof(value));
  }
  void write(std::uint64_t address, const void* from, std::size_t size);
  [[nodiscard]] bool read(void* to, std::size_t size, std::uint64_t address);

  /// Reads fail once this many have succeeded; -1: never.
  int fail_after = -1;
  int reads = 0;
  std::vector<std::vector<std::uint8_t>> records;

 private:
  std::map<std::uint64_t, std::vector<std::uint8_t>> pieces_;
};

/// A CPython of 3.11 to 3.15 (frames in the data stack) or 3.8 to 3.10 (frame objects), with the parts that a walk
/// needs.
struct FakePython {
  explicit FakePython(Memory& to, bool frame_objects = false);

  /// A code object; returns its address.
  std::uint64_t code(const std::string& name, const std::string& file, std::uint32_t flags = 0);
  /// A frame at `address` that runs `code` at byte `lasti`, called from `previous`.
  void frame(std::uint64_t address, std::uint64_t code, std::uint64_t previous, int lasti = 0, std::uint8_t owner = 0);
  void top(std::uint64_t frame);

  Memory& memory;
  py_layout layout{};
  std::uint64_t next = 0x100000;
  static constexpr std::uint64_t kTstate = 0x20000;
  static constexpr std::uint64_t kFsBase = 0x7f0000001000;
  static constexpr std::uint64_t kInterpreter = 0x30000;
  static constexpr std::uint64_t kHead = 0x40000;

 private:
  std::uint64_t text(const std::string& characters);
};

}  // namespace aiotrace::testing

// How often the garbage collector has passed an object over: the only hint of its age that one look can give.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>

#include "python/interpreter.h"

namespace aiotrace::python {

class Generations {
 public:
  /// More objects in the young generations (a program that has switched the collector off) are not walked.
  static constexpr std::size_t kMaxYoung = 50'000;

  /// Walks the lists of the collector's young generations (PyGC_Head). Nothing if they change under the walk three
  /// times, are too long, or the program has subinterpreters, which have lists of their own.
  [[nodiscard]] static std::optional<Generations> read(const Interpreter& interpreter, const proc::Memory& live);

  /// 0: made since the last collection; 1: has outlived one; 2: several, or gc.freeze().
  [[nodiscard]] std::uint8_t of(std::uint64_t object) const {
    const auto found = young_.find(object);
    return found == young_.end() ? kOld : found->second;
  }

 private:
  static constexpr std::uint8_t kOld = 2;
  static std::optional<Generations> walk(const Interpreter& interpreter, const proc::Memory& memory);

  std::unordered_map<std::uint64_t, std::uint8_t> young_;
};

}  // namespace aiotrace::python

// How often the garbage collector has passed an object over: the only hint about its age in a single scan.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>

#include "python/interpreter.h"

namespace aiotrace::python {

class Generations {
 public:
  /// More objects in the young generations (of a program that has disabled the collector) are not walked.
  static constexpr std::size_t kMaxYoung = 50'000;

  /// Walks the lists of the collector's young generations (PyGC_Head). Nothing if they change under the walk three
  /// times, are too long, or the program has subinterpreters, which have their own lists.
  [[nodiscard]] static std::optional<Generations> read(const Interpreter& interpreter, const proc::Memory& live);

  /// 0: created since the last collection; 1: has survived one collection; 2: several, or gc.freeze().
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

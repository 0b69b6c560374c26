// What a fuzzer calls: a function for each thing that reads bytes of a process or of a file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace aiotrace::fuzz {

using Bytes = std::span<const std::uint8_t>;

struct Target {
  std::string_view name;                ///< "elf"
  void (*run)(Bytes input);             ///< must return, whatever the input
  std::vector<std::string> (*seeds)();  ///< inputs to start from
  /// The reason why it cannot run here; empty: it can. Must be called before `run`. Null: it always can.
  std::string (*why_not)() = nullptr;
};

/// All that are linked in, by name.
[[nodiscard]] const std::vector<Target>& targets();

/// A static one for each target.
struct Registration {
  explicit Registration(const Target& target);
};

/// For the guarantees of a reader: ends the program if one is broken, also with optimisation.
void require(bool kept, std::string_view promise);

/// Prevents the compiler from removing reads.
template <class T>
void use(const T& value) {
  asm volatile("" : : "g"(&value) : "memory");
}

/// Splits an input, from the front.
class Input {
 public:
  explicit Input(Bytes bytes) : bytes_(bytes) {}
  [[nodiscard]] std::uint64_t number(std::size_t width);  ///< little endian; 0 beyond the end
  [[nodiscard]] std::uint8_t byte() { return static_cast<std::uint8_t>(number(1)); }
  [[nodiscard]] Bytes take(std::size_t size);
  [[nodiscard]] Bytes rest() { return take(bytes_.size()); }
  [[nodiscard]] bool empty() const { return bytes_.empty(); }

 private:
  Bytes bytes_;
};

[[nodiscard]] inline std::string_view text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace aiotrace::fuzz

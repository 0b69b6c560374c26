// Memory whose content the input decides.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "proc/memory.h"
#include "python/interpreter.h"
#include "tests/fuzz/target.h"

namespace aiotrace::fuzz {

/// Four kinds of wrong memory, chosen by the input's first byte.
class LyingMemory final : public proc::Memory {
 public:
  enum class Way : std::uint8_t {
    stream,   ///< each read gets the input's next bytes, wherever it looks; then all reads fail
    endless,  ///< the same, repeated endlessly: no walk ends because memory ends
    image,    ///< the input is everywhere: addresses are used modulo its size, so that all pointers lead back into it
    torn,     ///< the same, but in every seventh read one byte differs
  };
  LyingMemory(Way way, Bytes bytes) : way_(way), bytes_(bytes) {}
  int try_read(std::uint64_t address, std::span<std::byte> into) const override;

 private:
  Way way_;
  Bytes bytes_;
  mutable std::uint64_t at_ = 0;
  mutable std::uint64_t reads_ = 0;
};

/// Addresses of the types that `made_up_interpreter` knows; small, so that an input can hit them.
inline constexpr std::uint64_t kCoroType = 0x1010;
inline constexpr std::uint64_t kGenType = 0x1020;
inline constexpr std::uint64_t kAsyncGenType = 0x1030;

/// One of the known versions, chosen by `which`, that finds all its structures in such a memory.
[[nodiscard]] python::Interpreter made_up_interpreter(std::uint8_t which);

/// Inputs for targets over such a memory: each kind, several versions, words that point back into the input.
[[nodiscard]] std::vector<std::string> memory_seeds();

/// The beginning of an input of such a target.
struct Setting {
  explicit Setting(Bytes bytes);
  Input input;
  python::Interpreter interpreter;
  std::uint64_t start;  ///< an address to begin with
  std::uint64_t extra;  ///< for the target's own use
  LyingMemory memory;
};

}  // namespace aiotrace::fuzz

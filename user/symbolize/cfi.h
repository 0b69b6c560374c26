// One step of unwinding: from a function's registers to its caller's, by the compiler's rules.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "symbolize/registers.h"

struct Dwarf_Frame_s;

namespace aiotrace::symbolize {

/// A word of the target's memory, or nothing.
using ReadWord = std::function<std::optional<std::uint64_t>(std::uint64_t address)>;

struct CallerFrame {
  Registers registers;          ///< registers of the same machine
  std::uint64_t cfa = 0;        ///< the stack pointer before the call
  bool outermost = false;       ///< the rules say that there is no caller
  bool signal_handler = false;  ///< the kernel made the frame: the caller was interrupted, and made no call
};

/// `frame` is a result of CodeFile::rules; `bias`: the value that the process adds to the file's addresses. Nothing if
/// a rule needs an unknown register or memory, or is not understood. At most 256 operations for each rule.
[[nodiscard]] std::optional<CallerFrame> step(Dwarf_Frame_s* frame, const Registers& registers, std::uint64_t bias,
                                              const ReadWord& read);

}  // namespace aiotrace::symbolize

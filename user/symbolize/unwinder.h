// The native stack of a thread, computed from its registers and a copy of its stack.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "proc/maps.h"
#include "proc/process.h"
#include "symbolize/registers.h"
#include "symbolize/symbolizer.h"

namespace aiotrace::symbolize {

struct NativeFrame {
  std::uint64_t address = 0;  ///< where it continues: the instruction pointer, then return addresses
  NativeSymbol symbol;        ///< symbol of the call (the byte before a return address)
};

struct NativeStack {
  std::vector<NativeFrame> frames;  ///< innermost first
  bool complete = false;            ///< the stack reaches the thread's start; otherwise outer frames are missing
};

inline constexpr std::size_t kMaxNativeFrames = 256;

/// `registers` hold at least the instruction and the stack pointer; `stack` is the memory from `stack_base` on, copied
/// at the same time. Uses the rules in .eh_frame or .debug_frame; without rules (JIT code, musl) it uses frame
/// pointers, if they point into the copy and to a return address. Only the copy and read-only parts of files are read,
/// because the live stack changes. A frame takes microseconds; the first stack through a library takes milliseconds
/// (symbols).
[[nodiscard]] NativeStack unwind(Symbolizer& symbolizer, const proc::Process& process, const proc::Maps& maps,
                                 const Registers& registers, std::uint64_t stack_base,
                                 std::span<const std::byte> stack);

}  // namespace aiotrace::symbolize

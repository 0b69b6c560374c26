// Where in a function a uprobe is cheapest.
#pragma once

#include <cstddef>
#include <span>

namespace aiotrace::probe {

struct TrapSite {
  std::size_t at = 0;    ///< bytes from the function's beginning
  bool stepped = false;  ///< the kernel executes that instruction in a single step: each trap costs a second one
};

/// The first instruction of a function that the kernel emulates (arch/x86/kernel/uprobes.c: pushes of registers, calls,
/// jumps and nops), if before it there are only such as leave the stack and the first two arguments as they were:
/// endbr64 of builds with -fcf-protection, and clearing of other argument registers. Otherwise the first one.
[[nodiscard]] TrapSite trap_site(std::span<const std::byte> code);

}  // namespace aiotrace::probe

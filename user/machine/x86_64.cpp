#include "machine/x86_64.h"

#include <elf.h>

#include <algorithm>
#include <array>

namespace aiotrace::machine {
namespace {

// System V ABI, AMD64 supplement, figure 3.36.
constexpr auto kRegisters = std::to_array<std::string_view>({"rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp",
                                                             "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
                                                             "rip"});
constexpr std::uint8_t kRbp = 6;
constexpr std::uint8_t kRsp = 7;
constexpr std::uint8_t kRip = 16;
// rip, rsp, then the first six of struct pt_regs: r15, r14, r13, r12, rbp, rbx.
constexpr auto kCopied = std::to_array<std::uint8_t>({kRip, kRsp, 15, 14, 13, 12, kRbp, 3});

constexpr auto kEpollCalls = std::to_array<std::string_view>({"epoll_wait", "epoll_pwait", "epoll_pwait2"});
constexpr auto kSelectCalls = std::to_array<std::string_view>({"select", "pselect6", "poll", "ppoll"});

constexpr std::array<std::uint8_t, 4> kEndbr64 = {0xf3, 0x0f, 0x1e, 0xfa};
constexpr std::array<std::uint8_t, 2> kClearEcx = {0x31, 0xc9};
constexpr std::array<std::uint8_t, 2> kClearEdx = {0x31, 0xd2};

bool begins(std::span<const std::byte> code, std::span<const std::uint8_t> instruction) {
  return code.size() >= instruction.size() &&
         std::ranges::equal(code.first(instruction.size()), instruction, [](std::byte have, std::uint8_t want) {
           return std::to_integer<std::uint8_t>(have) == want;
         });
}

bool is_emulated(std::span<const std::byte> code) {
  const auto at = [&](std::size_t i) { return i < code.size() ? std::to_integer<unsigned>(code[i]) : 0u; };
  const auto is_push = [](unsigned byte) { return byte >= 0x50 && byte <= 0x57; };
  if (is_push(at(0)) || (at(0) == 0x41 && is_push(at(1)))) return true;
  return at(0) == 0x90 || at(0) == 0xe8 || at(0) == 0xe9 || at(0) == 0xeb;
}

// The first instruction of a function that the kernel emulates (arch/x86/kernel/uprobes.c: pushes of registers, calls,
// jumps and nops), if all instructions before it keep the stack and the first two arguments: endbr64 of builds with
// -fcf-protection, and clearing of other argument registers. Otherwise the first instruction.
TrapSite trap_site(std::span<const std::byte> code) {
  std::size_t at = 0;
  while (!is_emulated(code.subspan(at))) {
    const auto rest = code.subspan(at);
    if (begins(rest, kEndbr64))
      at += kEndbr64.size();
    else if (begins(rest, kClearEcx) || begins(rest, kClearEdx))
      at += kClearEcx.size();
    else
      return {.at = 0, .stepped = true};
  }
  return {.at = at, .stepped = false};
}

}  // namespace

const Machine& x86_64() {
  static constexpr Machine kMachine{
      .name = "x86_64",
      .page_bytes = 4096,
      .registers = {.names = kRegisters,
                    .instruction_pointer = kRip,
                    .stack_pointer = kRsp,
                    .frame_pointer = kRbp,
                    .return_address = kRip,
                    .copied = kCopied},
      .return_address_mask = ~std::uint64_t{0},
      .elf_machine = EM_X86_64,
      .module_relocation = R_X86_64_DTPMOD64,
      .epoll_calls = kEpollCalls,
      .select_calls = kSelectCalls,
      // The same in glibc 2.31 to 2.43: nptl/descr.h, sysdeps/x86_64/nptl/tls.h, sysdeps/x86/nptl/bits/struct_mutex.h.
      .pthread_tid = 0x2d0,
      .pthread_dtv = 8,
      .mutex_bytes = 40,
      .condition_bytes = 48,
      .trap_site = trap_site,
      .system_calls = {},
      .trap_functions = {}};
  return kMachine;
}

}  // namespace aiotrace::machine

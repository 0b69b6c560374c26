// Everything in user space that depends on the processor: one value for each processor that aiotrace knows. For bpf/ it
// is bpf/lib/arch.bpf.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace aiotrace::machine {

struct SystemCall {
  std::int32_t number;
  std::string_view name;
};

/// Registers by their numbers in DWARF.
struct RegisterRoles {
  /// Names by number, of all registers that occur in a frame's rules: "rax".
  std::span<const std::string_view> names;
  std::uint8_t instruction_pointer;
  std::uint8_t stack_pointer;
  std::uint8_t frame_pointer;
  /// The register whose rule gives the caller's address.
  std::uint8_t return_address;
  /// The registers in native_record.registers of bpf/abi/records.h, slot by slot.
  std::span<const std::uint8_t> copied;

  /// For a name that exists.
  [[nodiscard]] std::size_t number(std::string_view name) const;
};

/// The place in a function where a uprobe is cheapest.
struct TrapSite {
  std::size_t at = 0;    ///< bytes from the function's beginning
  bool stepped = false;  ///< the kernel executes that instruction in a single step: each trap costs a second one
};

/// Functions of this program that do nothing: the price of a trap is measured on them. One of each kind is never
/// probed.
struct TrapFunctions {
  using Function = void (*)();
  Function bare = nullptr;  ///< these begin with an instruction that the kernel emulates
  Function entry = nullptr;
  Function entry_and_return = nullptr;
  Function stepped_bare = nullptr;  ///< these begin with an instruction that the kernel executes in a single step
  Function stepped_entry = nullptr;
};

struct Machine {
  std::string_view name;  ///< as in uname(): "x86_64"
  std::uint64_t page_bytes;
  RegisterRoles registers;
  /// The bits of a return address in a register or on a stack that are the address: the other bits may be a signature.
  std::uint64_t return_address_mask;
  std::uint16_t elf_machine;        ///< EM_*
  std::uint32_t module_relocation;  ///< R_*_DTPMOD: gives the number of a module with thread-local variables
  std::span<const std::string_view> epoll_calls;   ///< system calls in which a loop waits
  std::span<const std::string_view> select_calls;  ///< and those of loops on select and poll
  /// glibc: offsets in struct pthread from the thread pointer, and sizes of its locks.
  std::uint64_t pthread_tid;
  std::uint64_t pthread_dtv;
  std::uint64_t mutex_bytes;
  std::uint64_t condition_bytes;
  /// `code`: a function's code from its first instruction on.
  TrapSite (*trap_site)(std::span<const std::byte> code);

  // Only set for the machine of this build.
  std::span<const SystemCall> system_calls;  ///< those in the kernel's headers, ascending
  TrapFunctions trap_functions;
};

/// The machine on which this program runs.
[[nodiscard]] const Machine& here();

}  // namespace aiotrace::machine

// What depends on the processor in user space: a value for each that aiotrace knows. Of bpf/ it is bpf/lib/arch.bpf.h.
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
  /// By number, of all that a frame's rules speak of: "rax".
  std::span<const std::string_view> names;
  std::uint8_t instruction_pointer;
  std::uint8_t stack_pointer;
  std::uint8_t frame_pointer;
  /// Its rule says where the caller goes on.
  std::uint8_t return_address;
  /// Those in native_record.registers of bpf/abi/records.h, slot by slot.
  std::span<const std::uint8_t> copied;

  /// Of a name that there is.
  [[nodiscard]] std::size_t number(std::string_view name) const;
};

/// Where in a function a uprobe is cheapest.
struct TrapSite {
  std::size_t at = 0;    ///< bytes from the function's beginning
  bool stepped = false;  ///< the kernel executes that instruction in a single step: each trap costs a second one
};

/// Functions of this program that do nothing, to measure on them what a trap costs. Of each kind one stays as it is.
struct TrapFunctions {
  using Function = void (*)();
  Function bare = nullptr;  ///< these begin with an instruction that the kernel emulates
  Function entry = nullptr;
  Function entry_and_return = nullptr;
  Function stepped_bare = nullptr;  ///< these with one that it executes in a single step
  Function stepped_entry = nullptr;
};

struct Machine {
  std::string_view name;  ///< as uname() has it: "x86_64"
  std::uint64_t page_bytes;
  RegisterRoles registers;
  /// The bits of a return address in a register or on a stack that are the address: others may sign it.
  std::uint64_t return_address_mask;
  std::uint16_t elf_machine;        ///< EM_*
  std::uint32_t module_relocation;  ///< R_*_DTPMOD: the number of a module that has thread-local variables
  std::span<const std::string_view> epoll_calls;   ///< system calls that a loop waits in
  std::span<const std::string_view> select_calls;  ///< and those of loops on select and poll
  /// glibc's: offsets in struct pthread from the thread pointer, sizes of its locks.
  std::uint64_t pthread_tid;
  std::uint64_t pthread_dtv;
  std::uint64_t mutex_bytes;
  std::uint64_t condition_bytes;
  /// `code`: of a function, from its first instruction on.
  TrapSite (*trap_site)(std::span<const std::byte> code);

  // Only of the machine that it is built for.
  std::span<const SystemCall> system_calls;  ///< those in the kernel's headers, ascending
  TrapFunctions trap_functions;
};

/// The one that this program runs on.
[[nodiscard]] const Machine& here();

}  // namespace aiotrace::machine

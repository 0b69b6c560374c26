// The system calls of the machine that aiotrace is built for: names, and what a thread that sleeps in one waits for.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace aiotrace::proc {

/// What a thread that sleeps in a system call waits for.
enum class SyscallClass : std::uint8_t {
  other,
  sleep,    ///< time only
  file,     ///< a file system
  network,  ///< a socket, argument 0
  process,  ///< a child
  futex,
  fd,    ///< the descriptor in argument 0
  poll,  ///< the polled descriptors; time if there are none
};

struct Syscall {
  std::int32_t number;
  std::string_view name;
  SyscallClass wait_class;
};

/// The number of the argument that is a file's path, counted from 1; 0: none.
[[nodiscard]] unsigned path_argument(std::string_view name);

/// The operation of a system call on a file: read, write, sync, open, stat, lock, other.
[[nodiscard]] std::string_view file_operation(std::string_view name);

/// All system calls, ascending.
[[nodiscard]] std::span<const Syscall> syscalls();

/// "recvfrom"; empty for an invalid number.
[[nodiscard]] std::string_view syscall_name(std::int32_t number);

}  // namespace aiotrace::proc

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
  fd,    ///< whatever descriptor argument 0 is
  poll,  ///< the descriptors that it polls, time if there are none
};

struct Syscall {
  std::int32_t number;
  std::string_view name;
  SyscallClass wait_class;
};

/// Which argument is the path of a file, counted from 1; 0: none.
[[nodiscard]] unsigned path_argument(std::string_view name);

/// What a system call does to a file: read, write, sync, open, stat, lock, other.
[[nodiscard]] std::string_view file_operation(std::string_view name);

/// All of them, ascending.
[[nodiscard]] std::span<const Syscall> syscalls();

/// "recvfrom"; empty for a number that is none.
[[nodiscard]] std::string_view syscall_name(std::int32_t number);

}  // namespace aiotrace::proc

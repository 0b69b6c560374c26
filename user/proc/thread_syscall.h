// The system call that a thread sleeps in.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>

namespace aiotrace::proc {

struct ThreadSyscall {
  std::int32_t number = -1;  ///< -1: blocked outside of a system call
  std::uint64_t first_argument = 0;
};

/// Parses /proc/PID/task/TID/syscall; nothing for "running".
[[nodiscard]] std::optional<ThreadSyscall> parse_syscall(std::string_view text);

/// Nothing if the thread runs, has ended or may not be looked at.
[[nodiscard]] std::optional<ThreadSyscall> current_syscall(pid_t pid, pid_t tid);

/// The descriptor that a thread polls with one of the epoll calls right now.
[[nodiscard]] std::optional<std::int32_t> polled_epoll(pid_t pid, pid_t tid);

}  // namespace aiotrace::proc

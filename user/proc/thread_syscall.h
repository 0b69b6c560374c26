// The system call that a thread sleeps in.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace aiotrace::proc {

struct ThreadSyscall {
  std::int32_t number = -1;  ///< -1: blocked outside a system call
  std::array<std::uint64_t, 4> arguments{};
  std::uint64_t stack_pointer = 0;  ///< user stack pointer; 0: unknown
  std::uint64_t instruction = 0;    ///< user instruction at which it continues
};

/// Parses /proc/PID/task/TID/syscall; nothing if the thread is "running".
[[nodiscard]] std::optional<ThreadSyscall> parse_syscall(std::string_view text);

/// Nothing if the thread runs, has ended or may not be read.
[[nodiscard]] std::optional<ThreadSyscall> current_syscall(pid_t pid, pid_t tid);

/// The descriptor if the call is one of the epoll waits.
[[nodiscard]] std::optional<std::int32_t> polled_epoll(const ThreadSyscall& call);

/// Whether it is a select or poll, on any descriptors.
[[nodiscard]] bool selects(const ThreadSyscall& call);

/// The descriptor that a thread polls with one of the epoll calls right now.
[[nodiscard]] std::optional<std::int32_t> polled_epoll(pid_t pid, pid_t tid);

}  // namespace aiotrace::proc

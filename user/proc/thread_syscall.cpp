#include "proc/thread_syscall.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "machine/machine.h"
#include "proc/syscalls.h"
#include "proc/text_file.h"

namespace aiotrace::proc {

std::optional<ThreadSyscall> parse_syscall(std::string_view text) {
  ThreadSyscall call;
  const auto number = std::from_chars(text.data(), text.data() + text.size(), call.number);
  if (number.ec != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(number.ptr - text.data()));
  static constexpr std::string_view kPrefix = " 0x";
  const auto take = [&text](std::uint64_t& value) {
    if (!text.starts_with(kPrefix)) return false;
    text.remove_prefix(kPrefix.size());
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
    return read.ec == std::errc{};
  };
  // Six arguments in a system call, else none: Linux, fs/proc/base.c, proc_pid_syscall().
  if (call.number >= 0) {
    std::uint64_t unused = 0;
    for (auto& argument : call.arguments) {
      if (!take(argument)) return call;
    }
    for (int rest = 0; rest < 2; ++rest) {
      if (!take(unused)) return call;
    }
  }
  if (!take(call.stack_pointer) || !take(call.instruction)) call.stack_pointer = call.instruction = 0;
  return call;
}

std::optional<ThreadSyscall> current_syscall(pid_t pid, pid_t tid) {
  const auto text = read_text("/proc/" + std::to_string(pid) + "/task/" + std::to_string(tid) + "/syscall", 512);
  if (!text) return std::nullopt;
  return parse_syscall(*text);
}

std::optional<std::int32_t> polled_epoll(const ThreadSyscall& call) {
  const auto polls = machine::here().epoll_calls;
  if (std::ranges::find(polls, syscall_name(call.number)) == polls.end()) return std::nullopt;
  return static_cast<std::int32_t>(call.arguments[0]);
}

bool selects(const ThreadSyscall& call) {
  const auto all = syscalls();
  const auto found = std::ranges::lower_bound(all, call.number, {}, &Syscall::number);
  return found != all.end() && found->number == call.number && found->wait_class == SyscallClass::poll &&
         !polled_epoll(call);
}

std::optional<std::int32_t> polled_epoll(pid_t pid, pid_t tid) {
  const auto call = current_syscall(pid, tid);
  return call ? polled_epoll(*call) : std::nullopt;
}

}  // namespace aiotrace::proc

#include "proc/thread_syscall.h"

#include <charconv>
#include <string>

#include "proc/text_file.h"

namespace aiotrace::proc {

std::optional<ThreadSyscall> parse_syscall(std::string_view text) {
  ThreadSyscall call;
  const auto number = std::from_chars(text.data(), text.data() + text.size(), call.number);
  if (number.ec != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(number.ptr - text.data()));
  constexpr std::string_view kPrefix = " 0x";
  for (auto& argument : call.arguments) {
    if (!text.starts_with(kPrefix)) break;
    text.remove_prefix(kPrefix.size());
    const auto read = std::from_chars(text.data(), text.data() + text.size(), argument, 16);
    text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
  }
  return call;
}

std::optional<ThreadSyscall> current_syscall(pid_t pid, pid_t tid) {
  const auto text = read_text("/proc/" + std::to_string(pid) + "/task/" + std::to_string(tid) + "/syscall", 512);
  if (!text) return std::nullopt;
  return parse_syscall(*text);
}

std::optional<std::int32_t> polled_epoll(const ThreadSyscall& call) {
  // epoll_wait, epoll_pwait, epoll_pwait2: arch/x86/entry/syscalls/syscall_64.tbl
  if (call.number != 232 && call.number != 281 && call.number != 441) return std::nullopt;
  return static_cast<std::int32_t>(call.arguments[0]);
}

std::optional<std::int32_t> polled_epoll(pid_t pid, pid_t tid) {
  const auto call = current_syscall(pid, tid);
  return call ? polled_epoll(*call) : std::nullopt;
}

}  // namespace aiotrace::proc

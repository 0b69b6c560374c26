#include "app/present_wait.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/culprits.h"
#include "proc/sockets.h"
#include "proc/syscalls.h"
#include "proc/text_file.h"

namespace aiotrace::app {

namespace {

using model::Cause;
using model::TargetSeen;
using SwitchOut = model::ThreadNow::SwitchOut;

std::string proc_path(const Target& target, const std::string& rest) {
  return "/proc/" + std::to_string(target.pid()) + "/" + rest;
}

/// A C string of the process, at most PATH_MAX bytes; it ends at an unreadable page.
std::string text_at(const Target& target, std::uint64_t address) {
  constexpr std::uint64_t kPart = 256;  // a read never crosses the end of a page
  constexpr std::size_t kMost = 4096;
  std::string text;
  std::array<char, kPart> part{};
  while (text.size() < kMost) {
    const auto size = static_cast<std::size_t>(kPart - address % kPart);
    if (!target.memory().read(address, std::as_writable_bytes(std::span(part).first(size)))) break;
    const std::string_view read(part.data(), size);
    const auto end = read.find('\0');
    text += read.substr(0, end);
    if (end != std::string_view::npos) break;
    address += size;
  }
  return text;
}

/// The first descriptor of a poll()'s array.
std::int32_t polled(const Target& target, std::uint64_t array, std::uint64_t count) {
  return count == 0 ? -1 : target.memory().read<std::int32_t>(array).value_or(-1);
}

/// The first descriptor in any set of a select().
std::int32_t selected(const Target& target, const std::array<std::uint64_t, 4>& args) {
  constexpr std::uint64_t kMost = 1024;
  constexpr std::uint64_t kBits = 64;
  for (const auto set : {args[1], args[2], args[3]}) {
    for (std::uint64_t base = 0; set != 0 && base < std::min<std::uint64_t>(args[0], kMost); base += kBits) {
      const auto word = target.memory().read<std::uint64_t>(set + base / 8).value_or(0);
      if (word != 0) return static_cast<std::int32_t>(base) + std::countr_zero(word);
    }
  }
  return -1;
}

/// The first descriptor that an epoll instance watches: "tfd:        5 events: …" of its fdinfo.
std::int32_t watched(const Target& target, std::int32_t epoll) {
  constexpr std::size_t kMost = 65536;
  constexpr std::string_view kName = "tfd:";
  const auto text = proc::read_text(proc_path(target, "fdinfo/" + std::to_string(epoll)), kMost).value_or("");
  const auto at = text.find(kName);
  if (at == std::string::npos) return -1;
  const auto number = text.find_first_not_of(' ', at + kName.size());
  std::int32_t fd = -1;
  if (number != std::string::npos) std::from_chars(text.data() + number, text.data() + text.size(), fd);
  return fd;
}

/// The descriptor that the call waits on; -1: none.
std::int32_t descriptor_of(const Target& target, const SwitchOut& present) {
  if (present.fd >= 0) return present.fd;
  const auto name = proc::syscall_name(present.syscall);
  if (name == "poll" || name == "ppoll") return polled(target, present.args[0], present.args[1]);
  if (name == "select" || name == "pselect6") return selected(target, present.args);
  if (name.starts_with("epoll")) return watched(target, static_cast<std::int32_t>(present.args[0]));
  const auto all = proc::syscalls();
  const auto call = std::ranges::find(all, present.syscall, &proc::Syscall::number);
  const bool first = call != all.end() &&
                     (call->wait_class == proc::SyscallClass::fd || call->wait_class == proc::SyscallClass::network ||
                      (call->wait_class == proc::SyscallClass::file && proc::path_argument(name) == 0));
  return first ? static_cast<std::int32_t>(present.args[0]) : -1;
}

TargetSeen of_socket(const Target& target, std::uint64_t inode, TargetSeen seen) {
  seen.kind = TargetSeen::Kind::socket;
  const auto ends = proc::find_socket(target.process().pid(), inode);
  if (!ends) return seen;
  seen.family = ends->family;
  seen.protocol = ends->protocol;
  seen.local = ends->local;
  seen.peer = ends->peer;
  seen.local_port = ends->local_port;
  seen.peer_port = ends->peer_port;
  seen.path = ends->path;
  return seen;
}

/// The unix socket of a connect(): a socket knows its peer only when it is connected. An abstract name is shown with @
/// in place of its zero byte.
std::optional<TargetSeen> of_connect(const Target& target, const SwitchOut& present, TargetSeen seen) {
  constexpr std::uint64_t kMost = sizeof(sockaddr_un::sun_path);
  const auto address = present.args[1];
  const auto bytes = present.args[2] - sizeof(sa_family_t);
  if (target.memory().read<sa_family_t>(address).value_or(AF_UNSPEC) != AF_UNIX || bytes == 0 || bytes > kMost)
    return std::nullopt;
  seen.path.resize(bytes);
  if (!target.memory().read(address + sizeof(sa_family_t), std::as_writable_bytes(std::span(seen.path))))
    return std::nullopt;
  if (seen.path.front() == '\0') seen.path.front() = '@';
  seen.path.resize(std::min(seen.path.size(), seen.path.find('\0')));
  seen.kind = TargetSeen::Kind::socket;
  seen.family = AF_UNIX;
  seen.socket_type = SOCK_STREAM;
  seen.path_is_peers = true;
  return seen;
}

/// The child that a thread waits for: the pid that the call names, else the newest child.
std::optional<TargetSeen> of_child(const Target& target, std::uint32_t tid, const SwitchOut& present, TargetSeen seen) {
  constexpr std::size_t kMost = 65536;
  constexpr std::uint64_t kByPid = 1;  // P_PID of waitid
  const auto name = proc::syscall_name(present.syscall);
  std::int32_t wanted = -1;
  if (name == "wait4") wanted = static_cast<std::int32_t>(present.args[0]);
  if (name == "waitid" && present.args[0] == kByPid) wanted = static_cast<std::int32_t>(present.args[1]);
  // Pids of this namespace, oldest first, each followed by a blank.
  const auto text = proc::read_text(proc_path(target, "task/" + std::to_string(tid) + "/children"), kMost).value_or("");
  seen.kind = TargetSeen::Kind::child;
  std::string_view rest = text;
  while (!rest.empty()) {
    std::uint32_t child = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), child);
    if (error != std::errc{}) break;
    rest.remove_prefix(std::min<std::size_t>(static_cast<std::size_t>(end - rest.data()) + 1, rest.size()));
    const auto child_path = "/proc/" + std::to_string(child);
    const auto status = proc::read_text(child_path + "/status", kMost).value_or("");
    auto comm = proc::read_text(child_path + "/comm", 64).value_or("");
    if (comm.ends_with('\n')) comm.pop_back();
    seen.child_pid = child;
    seen.comm = std::move(comm);
    if (target.process().number_inside(status) == wanted) break;
  }
  if (seen.child_pid == 0) return std::nullopt;
  return seen;
}

std::optional<TargetSeen> present_target(const Target& target, std::uint32_t tid, const SwitchOut& present) {
  TargetSeen seen;
  seen.syscall = present.syscall;
  const auto cause = present.cause;
  if (const auto path = proc::path_argument(proc::syscall_name(present.syscall)); cause == Cause::file && path != 0) {
    seen.kind = TargetSeen::Kind::path;
    seen.path = text_at(target, present.args[path - 1]);
    if (seen.path.empty()) return std::nullopt;
    return seen;
  }
  if (proc::syscall_name(present.syscall) == "connect") {
    if (auto connecting = of_connect(target, present, seen)) return connecting;
  }
  const auto fd = descriptor_of(target, present);
  std::error_code error;
  auto link = std::filesystem::read_symlink(proc_path(target, "fd/" + std::to_string(fd)), error).string();
  if (fd < 0 || error) link.clear();
  constexpr std::string_view kSocket = "socket:[";
  if (link.starts_with(kSocket)) {
    std::uint64_t inode = 0;
    std::from_chars(link.data() + kSocket.size(), link.data() + link.size(), inode);
    return of_socket(target, inode, std::move(seen));
  }
  if (cause == Cause::process) return of_child(target, tid, present, std::move(seen));
  if (!link.starts_with('/')) return std::nullopt;
  constexpr std::string_view kDeleted = " (deleted)";
  struct stat status{};
  const auto open_file = proc_path(target, "fd/" + std::to_string(fd));
  seen.deleted = ::stat(open_file.c_str(), &status) == 0 && status.st_nlink == 0;
  if (seen.deleted && link.ends_with(kDeleted)) link.resize(link.size() - kDeleted.size());
  seen.kind = TargetSeen::Kind::file;
  seen.path = target.path_inside(std::move(link));
  return seen;
}

}  // namespace

std::optional<model::Culprit> present_culprit(Target& target, std::uint32_t tid, const SwitchOut& present) {
  const auto cause = present.cause;
  if (cause == Cause::gil) {
    auto holder = target.gil_holder(present.args[0]);
    if (!holder || holder->tid == tid) return std::nullopt;
    return model::GilHolder{.tid = holder->tid, .thread = std::move(holder->thread), .stack = std::move(holder->stack)};
  }
  if (cause != Cause::file && cause != Cause::network && cause != Cause::process) return std::nullopt;
  const auto seen = present_target(target, tid, present);
  if (!seen) return std::nullopt;
  return culprit_of_target(cause, *seen, target.working_directory());
}

}  // namespace aiotrace::app

#include "proc/process.h"

#include <dirent.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>

#include "proc/access.h"
#include "proc/text_file.h"
#include "util/clock.h"

namespace aiotrace::proc {
namespace {

constexpr std::size_t kSmallFile = 65536;
constexpr std::uint32_t kKernelThread = 0x00200000;  // PF_KTHREAD, include/linux/sched.h

std::string dir_of(pid_t pid) { return "/proc/" + std::to_string(pid); }

template <class T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return value;
}

/// The text after "Name:" up to the end of its line.
std::optional<std::string_view> line_of(std::string_view status, std::string_view name) {
  while (!status.empty()) {
    const std::size_t end = std::min(status.find('\n'), status.size());
    std::string_view line = status.substr(0, end);
    if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == ':') {
      return line.substr(name.size() + 1);
    }
    status.remove_prefix(std::min(end + 1, status.size()));
  }
  return std::nullopt;
}

struct DirCloser {
  void operator()(DIR* dir) const noexcept { ::closedir(dir); }
};

bool ended(int pidfd, int within_ms = 0) {
  pollfd wait{.fd = pidfd, .events = POLLIN, .revents = 0};
  return ::poll(&wait, 1, within_ms) > 0;
}

}  // namespace

std::optional<pid_t> last_id(std::string_view status, std::string_view name) {
  auto line = line_of(status, name);
  if (!line) return std::nullopt;
  while (!line->empty() && (line->back() == ' ' || line->back() == '\t')) line->remove_suffix(1);
  const std::size_t blank = line->find_last_of(" \t");
  return number<pid_t>(blank == std::string_view::npos ? *line : line->substr(blank + 1));
}

std::vector<pid_t> ids_of(std::string_view status, std::string_view name) {
  constexpr std::size_t kMost = 64;  // pid namespaces nest 32 deep: MAX_PID_NS_LEVEL
  std::vector<pid_t> ids;
  auto line = line_of(status, name).value_or("");
  while (ids.size() < kMost) {
    const std::size_t begin = line.find_first_not_of(" \t");
    if (begin == std::string_view::npos) break;
    line.remove_prefix(begin);
    const auto word = line.substr(0, line.find_first_of(" \t"));
    const auto id = number<pid_t>(word);
    if (!id) break;
    ids.push_back(*id);
    line.remove_prefix(word.size());
  }
  return ids;
}

std::optional<Stat> parse_stat(std::string_view text) {
  const std::size_t open = text.find('(');
  const std::size_t close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return std::nullopt;
  Stat stat;
  stat.comm = std::string(text.substr(open + 1, close - open - 1));
  text.remove_prefix(close + 1);
  // The field after the command is number 3, the state.
  for (int field = 3; field <= 22; ++field) {
    const std::size_t begin = text.find_first_not_of(' ');
    if (begin == std::string_view::npos) return std::nullopt;
    text.remove_prefix(begin);
    const std::string_view word = text.substr(0, text.find_first_of(" \n"));
    if (word.empty()) return std::nullopt;
    if (field == 3) stat.state = word[0];
    if (field == 4) {
      const auto parent = number<pid_t>(word);
      if (!parent) return std::nullopt;
      stat.parent = *parent;
    }
    if (field == 9) {
      const auto flags = number<std::uint32_t>(word);
      if (!flags) return std::nullopt;
      stat.flags = *flags;
    }
    if (field == 22) {
      const auto start = number<std::uint64_t>(word);
      if (!start) return std::nullopt;
      stat.start_time = *start;
    }
    text.remove_prefix(word.size());
  }
  return stat;
}

Result<Process> Process::open(pid_t pid) {
  const std::string what = "process " + std::to_string(pid);
  if (pid < 1) return fail(what, "not a process id", "ids begin at 1", ErrorKind::usage);

  Process process;
  process.pid_ = pid;
  // The descriptor is opened first: everything that is then read from /proc belongs to this process if it has not ended
  // at the end.
  process.pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  const int open_error = process.pidfd_ ? 0 : errno;
  if (open_error == ESRCH) return fail(what, "no such process");

  const auto status = read_text(dir_of(pid) + "/status", kSmallFile);
  if (!status) {
    if (status.error() == ENOENT && open_error == 0 && !ended(process.pidfd_.get())) {
      return fail(what, "/proc does not show it", "it is hidden by hidepid, or of another pid namespace",
                  ErrorKind::not_permitted);
    }
    if (status.error() == ENOENT || status.error() == ESRCH) return fail(what, "no such process");
    return fail_errno(what, status.error());
  }
  if (auto allowed = check_access(pid, *status); !allowed) return std::unexpected(allowed.error());
  const auto tgid = last_id(*status, "Tgid");
  if (tgid && *tgid != pid) {
    return fail(what, "is a thread of process " + std::to_string(*tgid), "use -p " + std::to_string(*tgid),
                ErrorKind::usage);
  }
  if (open_error != 0) return fail_errno(what, open_error);
  const auto text = read_text(dir_of(pid) + "/stat", kSmallFile);
  const auto stat = text ? parse_stat(*text) : std::nullopt;
  if (!stat) return fail(what, "no such process");
  if (stat->flags & kKernelThread) {
    return fail(what, "is a kernel thread (" + stat->comm + "): it has no memory of its own", {},
                ErrorKind::unsupported);
  }
  if (stat->state == 'Z' || stat->state == 'X' || ended(process.pidfd_.get())) {
    return fail(what, "has ended; its parent has not collected it yet");
  }
  process.comm_ = stat->comm;
  process.start_time_ = stat->start_time;
  process.in_pid_namespace_ = last_id(*status, "NSpid").value_or(pid) != pid;
  // "NSpid: 4711 12 1": the first number is of the pid namespace of /proc, the last one of the process's own.
  process.pid_namespace_depth_ = std::max<std::size_t>(ids_of(*status, "NSpid").size(), 1) - 1;
  return process;
}

bool Process::alive() const { return pidfd_ && !ended(pidfd_.get()); }

bool Process::ends() const {
  constexpr int kExitMs = 500;
  return !pidfd_ || ended(pidfd_.get(), kExitMs);
}

std::vector<pid_t> Process::threads() const {
  std::vector<pid_t> tids;
  const std::unique_ptr<DIR, DirCloser> dir(::opendir((dir_of(pid_) + "/task").c_str()));
  if (!dir) return tids;
  while (const dirent* entry = ::readdir(dir.get())) {
    if (const auto tid = number<pid_t>(entry->d_name)) tids.push_back(*tid);
  }
  // The directory is found by number: it shows this process only if this process is still alive.
  if (!alive()) tids.clear();
  std::ranges::sort(tids);
  return tids;
}

std::optional<std::string> Process::comm_of(pid_t tid) const {
  auto text = read_text(dir_of(pid_) + "/task/" + std::to_string(tid) + "/comm", 64);
  if (!text || !alive()) return std::nullopt;
  if (text->ends_with('\n')) text->pop_back();
  return *text;
}

std::optional<pid_t> Process::ns_tid(pid_t tid) const {
  const auto status = read_text(dir_of(pid_) + "/task/" + std::to_string(tid) + "/status", kSmallFile);
  if (!status || !alive()) return std::nullopt;
  return last_id(*status, "NSpid");
}

std::optional<pid_t> Process::number_inside(std::string_view status) const {
  const auto ids = ids_of(status, "NSpid");
  return pid_namespace_depth_ < ids.size() ? std::optional(ids[pid_namespace_depth_]) : std::nullopt;
}

bool Process::shares_clock() const {
  struct stat own{};
  struct stat its{};
  // Missing before Linux 5.6: then all are in the same one.
  if (::stat("/proc/self/ns/time", &own) != 0) return true;
  return ::stat((dir_of(pid_) + "/ns/time").c_str(), &its) == 0 && own.st_ino == its.st_ino;
}

std::uint64_t Process::age_ns() const {
  const auto ticks = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  if (ticks == 0 || ticks > 1'000'000) return 0;
  const std::uint64_t started_ns = start_time_ * (1'000'000'000 / ticks);
  const std::uint64_t now_ns = clock_ns(CLOCK_BOOTTIME);
  return now_ns > started_ns ? now_ns - started_ns : 0;
}

std::map<pid_t, pid_t> Process::tids_by_ns_tid() const {
  std::map<pid_t, pid_t> ids;
  for (const pid_t tid : threads()) {
    if (!in_pid_namespace_) {
      ids.emplace(tid, tid);
    } else if (const auto inner = ns_tid(tid)) {
      ids.emplace(*inner, tid);
    }
  }
  return ids;
}

}  // namespace aiotrace::proc

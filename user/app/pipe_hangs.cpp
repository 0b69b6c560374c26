#include "app/pipe_hangs.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "proc/descendants.h"
#include "proc/text_file.h"
#include "proc/thread_syscall.h"
#include "python/frame_references.h"

namespace aiotrace::app {
namespace {

namespace fs = std::filesystem;
using python::HangLook;
using python::LookParty;
using python::LookResource;

constexpr std::size_t kMostChildren = 16;  // that are waited for at once
constexpr std::size_t kMostProcesses = 20'000;
constexpr std::size_t kMostFiles = 65'536;
constexpr unsigned kMaxDepth = 4;
constexpr std::size_t kText = 65'536;

struct Writer {
  pid_t pid = 0;
  pid_t tid = 0;
  std::string pipe;  // "pipe:[1234]"
  std::string comm;
};

std::optional<pid_t> number(std::string_view text) {
  pid_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

// Names of a folder of /proc that are numbers; what cannot be read has none.
std::vector<pid_t> numbers_in(const std::string& folder, std::size_t most) {
  std::vector<pid_t> found;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end && found.size() < most; at.increment(error)) {
    if (const auto value = number(at->path().filename().native())) found.push_back(*value);
  }
  return found;
}

std::string target_of(pid_t pid, std::int64_t fd) {
  std::error_code error;
  return fs::read_symlink(fmt::format("/proc/{}/fd/{}", pid, fd), error).string();
}

std::optional<proc::Stat> stat_of(pid_t pid) {
  const auto text = proc::read_text(fmt::format("/proc/{}/stat", pid), kText);
  return text ? proc::parse_stat(*text) : std::nullopt;
}

// The octal flags of open() in /proc/PID/fdinfo/FD.
bool can_read(pid_t pid, pid_t fd) {
  const auto text = proc::read_text(fmt::format("/proc/{}/fdinfo/{}", pid, fd), kText).value_or("");
  constexpr std::string_view kName = "flags:\t";
  const auto at = text.find(kName);
  unsigned flags = 0;
  if (at == std::string::npos) return true;
  std::from_chars(text.data() + at + kName.size(), text.data() + text.size(), flags, 8);
  return (flags & O_ACCMODE) != O_WRONLY;
}

// Descriptors of a process that read the pipe.
std::vector<pid_t> readers(pid_t pid, const std::string& pipe) {
  auto found = numbers_in(fmt::format("/proc/{}/fd", pid), kMostFiles);
  std::erase_if(found, [&](pid_t fd) { return target_of(pid, fd) != pipe || !can_read(pid, fd); });
  return found;
}

bool read_by_others(pid_t process, const std::string& pipe) {
  for (const pid_t pid : numbers_in("/proc", kMostProcesses)) {
    if (pid != process && !readers(pid, pipe).empty()) return true;
  }
  return false;
}

// "tfd:        5 events: …" of each epoll instance's fdinfo.
bool is_polled(pid_t pid, const std::vector<pid_t>& fds) {
  for (const pid_t epoll : numbers_in(fmt::format("/proc/{}/fd", pid), kMostFiles)) {
    if (target_of(pid, epoll) != "anon_inode:[eventpoll]") continue;
    const auto text = proc::read_text(fmt::format("/proc/{}/fdinfo/{}", pid, epoll), 16 * kText).value_or("");
    for (std::size_t at = text.find("tfd:"); at != std::string::npos; at = text.find("tfd:", at + 1)) {
      const auto begin = text.find_first_not_of(' ', at + 4);
      const auto end = text.find(' ', begin);
      if (begin == std::string::npos || end == std::string::npos) continue;
      const auto fd = number(std::string_view(text).substr(begin, end - begin));
      if (fd && std::ranges::find(fds, *fd) != fds.end()) return true;
    }
  }
  return false;
}

// In a call that could be about to read it: what a select() or poll() is about is not looked at.
bool any_thread_reads(const proc::Process& process) {
  for (const pid_t tid : process.threads()) {
    const auto call = proc::current_syscall(process.pid(), tid);
    if (!call) return true;  // it runs
    for (const std::int64_t reads : {SYS_read, SYS_readv, SYS_poll, SYS_ppoll, SYS_select, SYS_pselect6, SYS_splice}) {
      if (call->number == reads) return true;
    }
  }
  return false;
}

// The thread of a child, or of one that it waits for, that sleeps in a write to a pipe.
std::optional<Writer> writer_of(pid_t pid, unsigned depth) {
  const auto stat = stat_of(pid);
  if (!stat || depth > kMaxDepth) return std::nullopt;
  for (const pid_t tid : numbers_in(fmt::format("/proc/{}/task", pid), kMostFiles)) {
    const auto call = proc::current_syscall(pid, tid);
    if (!call) return std::nullopt;  // it runs
    if (call->number == SYS_write || call->number == SYS_writev) {
      const std::string target = target_of(pid, static_cast<std::int64_t>(call->arguments[0]));
      if (target.starts_with("pipe:[")) return Writer{.pid = pid, .tid = tid, .pipe = target, .comm = stat->comm};
    }
    if (call->number != SYS_wait4 && call->number != SYS_waitid) continue;
    const std::vector<pid_t> parents{pid};
    for (const pid_t below : proc::descendants(parents)) {
      const auto its = stat_of(below);
      if (its && its->parent == pid) {
        if (auto found = writer_of(below, depth + 1)) return found;
      }
    }
  }
  return std::nullopt;
}

class Pipes {
 public:
  Pipes(const proc::Process& process, python::AsyncioReader& reader, HangLook& look)
      : process_(process), reader_(reader), look_(look) {}

  void run() {
    std::size_t asked = 0;
    for (std::uint32_t i = 0; i < look_.parties.size(); ++i) {
      const LookParty& party = look_.parties[i];
      if (party.child == 0 || !party.waits.empty() || ++asked > kMostChildren) continue;
      const auto stat = stat_of(party.child);
      if (!stat || stat->parent != process_.pid()) continue;
      const auto writer = writer_of(party.child, 0);
      if (writer) add(i, *writer);
    }
  }

 private:
  void add(std::uint32_t party, const Writer& writer) {
    const auto fds = readers(process_.pid(), writer.pipe);
    const auto progress = times_of(writer);
    if (fds.empty() || !progress || is_polled(process_.pid(), fds) || any_thread_reads(process_)) return;
    if (read_by_others(process_.pid(), writer.pipe) || others_lead_to(party, fds)) return;
    LookResource resource{.what = LookResource::What::pipe};
    const auto name = fmt::format("{} from process {} ({})", writer.pipe, writer.pid, writer.comm);
    resource.object = std::hash<std::string>{}(fmt::format("{} {} {}", name, writer.tid, *progress)) | 1;
    resource.class_name = name;
    resource.closed = true;
    resource.inferred = look_.parties[party].task || look_.threads.size() > 1;
    look_.parties[party].waits.push_back(static_cast<std::uint32_t>(look_.resources.size()));
    look_.resources.push_back(std::move(resource));
  }

  [[nodiscard]] static std::optional<std::uint64_t> times_of(const Writer& writer) {
    const auto text = proc::read_text(fmt::format("/proc/{}/task/{}/schedstat", writer.pid, writer.tid), 256);
    if (!text) return std::nullopt;
    std::uint64_t ran_ns = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), ran_ns);
    return error == std::errc{} ? std::optional(ran_ns) : std::nullopt;
  }

  // Modules/_io/fileio.c: `int fd` is the first field. Lib/asyncio/unix_events.py.
  [[nodiscard]] bool reads(std::uint64_t object, const std::vector<pid_t>& fds) {
    const std::string& type = reader_.type_name(object);
    std::optional<std::int32_t> fd;
    if (type == "_io.FileIO") {
      fd = reader_.memory().read<std::int32_t>(object + reader_.interpreter().layout.bpf.obj_type + 8);
    } else if (type == "_UnixReadPipeTransport") {
      const auto value = reader_.objects().attribute(object, "_fileno");
      const auto its = value ? reader_.objects().unsigned_int(*value) : std::nullopt;
      if (its && *its < 1u << 20) fd = static_cast<std::int32_t>(*its);
    }
    return fd && std::ranges::find(fds, *fd) != fds.end();
  }

  // The waiter, those that wait for its end, and so on.
  [[nodiscard]] std::unordered_set<std::uint64_t> behind(std::uint32_t waiter) const {
    std::unordered_set<std::uint64_t> found{look_.parties[waiter].object};
    for (bool more = true; std::exchange(more, false);) {
      for (const LookParty& party : look_.parties) {
        const bool behind = !party.waits.empty() && std::ranges::all_of(party.waits, [&](std::uint32_t number) {
          const LookResource& resource = look_.resources[number];
          return resource.what == LookResource::What::task && found.contains(resource.object);
        });
        if (behind && found.insert(party.object).second) more = true;
      }
    }
    return found;
  }

  // Who waits for the child, too, reads no more than the waiter.
  [[nodiscard]] bool others_lead_to(std::uint32_t waiter, const std::vector<pid_t>& fds) {
    constexpr unsigned kSteps = 5;  // Process, StreamReader, transport; Popen, TextIOWrapper, BufferedReader, FileIO
    python::FrameReferences references(reader_, [&](std::uint64_t object) { return reads(object, fds); }, {});
    const auto waits = behind(waiter);
    for (const LookParty& party : look_.parties) {
      // A loop's thread that waits is in its poll; the tasks of one that waits for the child cannot go on.
      const bool held_up = !look_.parties[waiter].task && party.task && party.tid == look_.parties[waiter].tid;
      if (held_up || waits.contains(party.object) || party.child == look_.parties[waiter].child || party.idle) continue;
      for (const auto& frame : party.frames) {
        if (!references.of_frame(frame, party.task, kSteps).empty() || references.cut()) return true;
      }
    }
    return false;
  }

  const proc::Process& process_;
  python::AsyncioReader& reader_;
  HangLook& look_;
};

}  // namespace

void add_pipes(const proc::Process& process, python::AsyncioReader& reader, HangLook& look) {
  if (process.in_pid_namespace() || look.torn || look.unreadable != 0) return;
  Pipes(process, reader, look).run();
}

}  // namespace aiotrace::app

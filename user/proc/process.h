// A process seen from outside: its identity, its threads, whether it is alive.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "util/result.h"
#include "util/unique_fd.h"

namespace aiotrace::proc {

/// A live process, held by a pidfd: if the kernel reuses the pid for another process, that process is not confused with
/// this one.
class Process {
 public:
  /// Errors: no such process, or it has ended (failure); a pid below 1 or a thread's (usage, names the process);
  /// a kernel thread (unsupported); hidden by /proc's hidepid (not_permitted).
  [[nodiscard]] static Result<Process> open(pid_t pid);

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// The command name at the time of open(); at most 15 bytes, any bytes.
  [[nodiscard]] const std::string& comm() const { return comm_; }
  /// Readable (poll) when the process has ended. This object owns it.
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }
  /// Clock ticks since boot; together with the pid it identifies the process (field 22 of /proc/PID/stat).
  [[nodiscard]] std::uint64_t start_time() const { return start_time_; }
  /// False once every thread has ended, reaped or not.
  [[nodiscard]] bool alive() const;
  /// To be used when its memory cannot be read: an ending process gives up its memory some time before it is no longer
  /// alive. Waits at most half a second.
  [[nodiscard]] bool ends() const;
  /// Thread ids in the pid namespace of /proc, ascending; empty if the process has ended.
  [[nodiscard]] std::vector<pid_t> threads() const;
  /// The command name of a thread; nothing if it has ended.
  [[nodiscard]] std::optional<std::string> comm_of(pid_t tid) const;
  /// A thread's id in the innermost pid namespace: the id that the process itself uses.
  [[nodiscard]] std::optional<pid_t> ns_tid(pid_t tid) const;
  /// True if the process uses other thread ids than /proc.
  [[nodiscard]] bool in_pid_namespace() const { return in_pid_namespace_; }
  /// The id that the process uses for the process of this /proc/PID/status, if that is in the process's pid namespace
  /// or in a descendant of it; nothing for others.
  [[nodiscard]] std::optional<pid_t> number_inside(std::string_view status) const;
  /// False if it is in another time namespace: then its CLOCK_MONOTONIC differs.
  [[nodiscard]] bool shares_clock() const;
  /// Time since its start, in ns; 0: unknown.
  [[nodiscard]] std::uint64_t age_ns() const;
  /// Maps the id in the process's own pid namespace to the id here, for every live thread.
  [[nodiscard]] std::map<pid_t, pid_t> tids_by_ns_tid() const;

 private:
  Process() = default;

  pid_t pid_ = 0;
  std::string comm_;
  UniqueFd pidfd_;
  std::uint64_t start_time_ = 0;
  bool in_pid_namespace_ = false;
  std::size_t pid_namespace_depth_ = 0;  // its pid namespace is below that of /proc
};

/// The numbers of a "Name:\t1\t2" line of /proc/PID/status; empty if the line is missing.
[[nodiscard]] std::vector<pid_t> ids_of(std::string_view status, std::string_view name);

/// The needed fields of /proc/PID/stat.
struct Stat {
  std::string comm;
  char state = '?';
  pid_t parent = 0;
  std::uint32_t flags = 0;  ///< PF_* of the kernel
  std::uint64_t start_time = 0;
};

/// Parses /proc/PID/stat. The command may hold blanks, parentheses and newlines: it ends at the last ')'.
[[nodiscard]] std::optional<Stat> parse_stat(std::string_view text);

/// The last number of a "Name:\t1\t2" line of /proc/PID/status; nothing if the line is missing.
[[nodiscard]] std::optional<pid_t> last_id(std::string_view status, std::string_view name);

}  // namespace aiotrace::proc

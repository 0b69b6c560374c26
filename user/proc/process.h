// A process seen from outside: its identity, its threads, whether it still lives.
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

/// A live process, held by a pidfd: a pid that the kernel gives to another process later does not become this one.
class Process {
 public:
  /// Errors: no such process, or it has ended (failure); a pid below 1 or a thread's (usage, names the process);
  /// a kernel thread (unsupported); hidden by /proc's hidepid (not_permitted).
  [[nodiscard]] static Result<Process> open(pid_t pid);

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// The command name at the time of open(); at most 15 bytes, any bytes.
  [[nodiscard]] const std::string& comm() const { return comm_; }
  /// Readable (poll) when the process has ended. Stays owned by this object.
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }
  /// Clock ticks since boot; with the pid it names the process (field 22 of /proc/PID/stat).
  [[nodiscard]] std::uint64_t start_time() const { return start_time_; }
  /// False once every thread has ended, reaped or not.
  [[nodiscard]] bool alive() const;
  /// For when its memory cannot be read: a process that ends has given that up some time before it is no longer alive.
  /// Waits for half a second at most.
  [[nodiscard]] bool ends() const;
  /// Thread ids in the pid namespace of /proc, ascending; empty when the process has ended.
  [[nodiscard]] std::vector<pid_t> threads() const;
  /// The command name of a thread; nothing when it has ended.
  [[nodiscard]] std::optional<std::string> comm_of(pid_t tid) const;
  /// A thread's id in the innermost pid namespace it lives in: what the process itself calls it.
  [[nodiscard]] std::optional<pid_t> ns_tid(pid_t tid) const;
  /// True when the process calls its threads by other ids than /proc does.
  [[nodiscard]] bool in_pid_namespace() const { return in_pid_namespace_; }
  /// What the process calls the one of this /proc/PID/status, which lives in its pid namespace or in one below it;
  /// nothing for others.
  [[nodiscard]] std::optional<pid_t> number_inside(std::string_view status) const;
  /// False in a time namespace of its own: its CLOCK_MONOTONIC is another one.
  [[nodiscard]] bool shares_clock() const;
  /// Since it was started, in ns; 0: not known.
  [[nodiscard]] std::uint64_t age_ns() const;
  /// The id in the process's own pid namespace → the id here, of every live thread.
  [[nodiscard]] std::map<pid_t, pid_t> tids_by_ns_tid() const;

 private:
  Process() = default;

  pid_t pid_ = 0;
  std::string comm_;
  UniqueFd pidfd_;
  std::uint64_t start_time_ = 0;
  bool in_pid_namespace_ = false;
  std::size_t pid_namespace_depth_ = 0;  // below that of /proc
};

/// The numbers of a "Name:\t1\t2" line of /proc/PID/status; empty when the line is not there.
[[nodiscard]] std::vector<pid_t> ids_of(std::string_view status, std::string_view name);

/// What /proc/PID/stat says, as far as it is needed here.
struct Stat {
  std::string comm;
  char state = '?';
  pid_t parent = 0;
  std::uint32_t flags = 0;  ///< PF_* of the kernel
  std::uint64_t start_time = 0;
};

/// Parses /proc/PID/stat. The command may hold blanks, parentheses and newlines: it ends at the last ')'.
[[nodiscard]] std::optional<Stat> parse_stat(std::string_view text);

/// The last number of a "Name:\t1\t2" line of /proc/PID/status; nothing when the line is not there.
[[nodiscard]] std::optional<pid_t> last_id(std::string_view status, std::string_view name);

}  // namespace aiotrace::proc

// Programs that a test starts: spawned, waited for without sleeping, and never left behind.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "util/unique_fd.h"

namespace aiotrace::testing {

/// No event that a test waits for takes this long; otherwise the test fails.
inline constexpr int kPatienceMs = 180'000;

struct Streams {
  int in = -1;  ///< descriptors that become 0, 1 and 2; -1: /dev/null
  int out = -1;
  int err = -1;
};

/// A program of ours. Killed (by its own pid) and collected when it goes out of scope.
class Process {
 public:
  /// Fails the test if it cannot be started. `environment` is added to this program's own.
  explicit Process(const std::vector<std::string>& command, Streams streams = {},
                   const std::map<std::string, std::string>& environment = {});
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// Readable when it has ended.
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }
  [[nodiscard]] bool ended() const;
  void signal(int number) const;
  /// Its exit status, 128 + N if signal N ended it. Fails the test if it does not end.
  int wait();
  /// Its maximum memory, after it was waited for; 0: no more than this program had at its start.
  [[nodiscard]] long peak_kb() const { return peak_kb_; }

 private:
  pid_t pid_ = -1;
  long peak_kb_ = 0;
  long inherited_kb_ = 0;
  UniqueFd pidfd_;
  int status_ = -1;
};

/// Waits until `fd` can be read or the process has ended; false: only that it has ended. Fails the test after
/// kPatienceMs.
[[nodiscard]] bool wait_readable(int fd, const Process& process);

/// Starts it, waits for its end; its output is in `out` and `err`.
struct Outcome {
  int status = -1;
  std::string out;
  std::string err;
  long peak_kb = 0;
};
[[nodiscard]] Outcome run(const std::vector<std::string>& command);

}  // namespace aiotrace::testing

// Looks for what hangs in one process: two looks, and what both say.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "model/hang.h"
#include "proc/memory.h"
#include "proc/page_cache.h"
#include "proc/process.h"
#include "python/interpreter.h"
#include "util/result.h"

namespace aiotrace::app {

class HangScanner {
 public:
  struct Found {
    model::HangScan scan;
    std::vector<model::Hang> hangs;  ///< proved ones first, then the most waiters; at most kMaxHangs
  };
  static constexpr std::size_t kMaxHangs = 64;

  /// `process` must outlive this object, and `stop`, which ends a look with an error once it is set.
  /// A scan that takes longer than `most_s` ends with an error.
  HangScanner(const proc::Process& process, const std::atomic<bool>* stop, std::uint64_t most_s)
      : process_(process), memory_(process.pid(), stop), most_s_(most_s) {}

  /// Takes as long as two looks and 50 ms between them. Errors: no CPython that is known, tasks that cannot be read,
  /// the process has ended or called exec meanwhile, it took too long, it was stopped. Never stops the
  /// process.
  [[nodiscard]] Result<Found> scan();

  [[nodiscard]] const python::Interpreter* interpreter() const { return interpreter_ ? &*interpreter_ : nullptr; }

 private:
  [[nodiscard]] Status look_at_interpreter();
  [[nodiscard]] bool runs_known_interpreter() const;
  [[nodiscard]] Status over(const proc::PageCache& pages) const;

  const proc::Process& process_;
  proc::LiveMemory memory_;
  std::uint64_t most_s_;
  std::optional<python::Interpreter> interpreter_;
  std::vector<model::Hang> before_;  // those of the last scan
  std::uint64_t scans_ = 0;
};

}  // namespace aiotrace::app

// The map of its code that a JIT compiler writes: /tmp/perf-PID.map, as perf(1) reads it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "proc/process.h"
#include "util/unique_fd.h"

namespace aiotrace::symbolize {

/// Lines "START SIZE NAME" in hexadecimal (Linux: tools/perf/Documentation/jit-interface.txt). A later line replaces
/// earlier ones that it overlaps, because the compiler has reused their memory.
class PerfMapText {
 public:
  static constexpr std::size_t kMaxEntries = 300'000;  ///< further lines are dropped
  static constexpr std::size_t kMaxName = 1024;        ///< bytes; the rest of the name is dropped

  struct Hit {
    std::string_view name;  ///< valid UTF-8, not cleaned; until the next add()
    std::uint64_t start = 0;
  };

  /// Reads appended text, up to its last complete line; returns the number of bytes read. Other lines are skipped.
  std::size_t add(std::string_view text);
  [[nodiscard]] std::optional<Hit> find(std::uint64_t address) const;
  void clear() { entries_.clear(); }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::uint64_t size = 0;
    std::string name;
  };
  std::map<std::uint64_t, Entry> entries_;  // by start, without overlap
};

/// The file of one process, found below its root by the process's own pid; new data is read when the file has grown.
/// Only a regular file (no symbolic link) of the process's user or of root is used; at most 64 MiB of it.
class PerfMap {
 public:
  /// There is such a file, and it is accepted.
  [[nodiscard]] bool exists(const proc::Process& process);
  [[nodiscard]] std::optional<PerfMapText::Hit> find(const proc::Process& process, std::uint64_t address);

 private:
  void refresh(const proc::Process& process);
  bool open(const proc::Process& process);

  UniqueFd fd_;
  std::uint64_t device_ = 0;
  std::uint64_t inode_ = 0;
  std::uint64_t read_ = 0;  // bytes
  PerfMapText text_;
};

}  // namespace aiotrace::symbolize

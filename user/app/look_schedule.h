// When to check a process again whose Python is not ready.
#pragma once

#include <cstdint>

namespace aiotrace::app {

/// Often while the process starts, then at doubling intervals. Before the first look it is always due.
class LookSchedule {
 public:
  /// The process has just called exec, or is about to: its Python starts later.
  void start() { *this = LookSchedule(true); }
  [[nodiscard]] bool starting() const { return starting_; }

  [[nodiscard]] std::uint64_t next_ns() const { return next_ns_; }
  /// The process was checked. `now_ns` is from monotonic_ns().
  void looked(std::uint64_t now_ns);

  LookSchedule() = default;

 private:
  explicit LookSchedule(bool starting) : starting_(starting) {}

  bool starting_ = false;
  std::uint64_t first_ns_ = 0;  // 0: not checked yet
  std::uint64_t next_ns_ = 0;
  std::uint64_t interval_ns_ = 0;
};

}  // namespace aiotrace::app

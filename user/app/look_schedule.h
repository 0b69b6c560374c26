// When a process whose Python is not ready is looked at again.
#pragma once

#include <cstdint>

namespace aiotrace::app {

/// Often while the process starts, then at doubling intervals. Due at once until it was looked at.
class LookSchedule {
 public:
  /// The process has just called exec, or is about to: its Python is still to come.
  void start() { *this = LookSchedule(true); }
  [[nodiscard]] bool starting() const { return starting_; }

  [[nodiscard]] std::uint64_t next_ns() const { return next_ns_; }
  /// It was looked at. `now_ns` is of monotonic_ns().
  void looked(std::uint64_t now_ns);

  LookSchedule() = default;

 private:
  explicit LookSchedule(bool starting) : starting_(starting) {}

  bool starting_ = false;
  std::uint64_t first_ns_ = 0;  // 0: not looked at yet
  std::uint64_t next_ns_ = 0;
  std::uint64_t interval_ns_ = 0;
};

}  // namespace aiotrace::app

// How much CPU time the watched processes used: what the cost of tracing is compared with.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

namespace aiotrace::app {

class TargetTimes {
 public:
  /// From now on; again: does nothing.
  void begin(std::uint32_t pid);
  /// To be called now and then, as what a process used after the last look before it was reaped is not known.
  void look();
  /// Looks for the last time at a process that has ended.
  void end(std::uint32_t pid);
  /// Of all together so far; nothing: of one it is not known.
  [[nodiscard]] std::optional<std::uint64_t> cpu_ns() const;

 private:
  struct Times {
    std::uint64_t first_ns = 0;
    std::uint64_t last_ns = 0;
  };
  [[nodiscard]] static std::uint64_t latest(std::uint32_t pid, const Times& times);

  std::map<std::uint32_t, Times> running_;  // by pid
  std::uint64_t ended_ns_ = 0;
  bool known_ = true;
};

}  // namespace aiotrace::app

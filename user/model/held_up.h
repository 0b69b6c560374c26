// Whom a stall holds up. Passive data.
#pragma once

#include <cstdint>
#include <optional>

namespace aiotrace::model {

/// As far as the loop's own queues show it.
struct HeldUp {
  std::optional<std::uint64_t> tasks{};   ///< steps of tasks, and callbacks, that were ready at once, at most
  std::optional<std::uint64_t> timers{};  ///< that were due when it ended
  bool more_timers = false;               ///< at least so many: no more were looked at
  std::uint64_t timers_late_ns = 0;       ///< the first of them

  [[nodiscard]] bool anybody() const { return tasks.value_or(0) != 0 || timers.value_or(0) != 0; }
};

}  // namespace aiotrace::model

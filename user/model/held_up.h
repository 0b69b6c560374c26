// What a stall delays. Only data.
#pragma once

#include <cstdint>
#include <optional>

namespace aiotrace::model {

/// According to the loop's own queues.
struct HeldUp {
  std::optional<std::uint64_t> tasks{};   ///< highest number of ready steps of tasks and callbacks
  std::optional<std::uint64_t> timers{};  ///< timers that were due when it ended
  bool more_timers = false;               ///< the number is a lower bound: no more were read
  std::uint64_t timers_late_ns = 0;       ///< how late the first of them was

  [[nodiscard]] bool anybody() const { return tasks.value_or(0) != 0 || timers.value_or(0) != 0; }
};

}  // namespace aiotrace::model

// What a loop's thread and tasks do at a moment, if it can be read. Only data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/stall.h"
#include "model/task_row.h"

namespace aiotrace::model {

/// Tasks that stand at the same line and wait for the same kind of thing.
struct TaskGroup {
  TaskRow first;
  std::size_t count = 1;
};

struct LoopLook {
  std::uint64_t time_ns = 0;        ///< CLOCK_MONOTONIC
  bool in_poll = false;             ///< the thread waits in a poll
  std::optional<Stack> stack{};     ///< stack of the thread, innermost first; nothing: not read
  std::size_t tasks = 0;            ///< of the loop
  std::vector<TaskGroup> groups{};  ///< largest first, at most some hundreds
  std::size_t more_groups = 0;      ///< number of groups beyond that
  bool torn = false;                ///< some tasks may be missing
  std::string problem{};            ///< why there is nothing of the tasks; empty: there is some
};

}  // namespace aiotrace::model

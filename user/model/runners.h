// Processes that had the CPU while a thread waited for it.
#pragma once

#include <vector>

#include "model/events.h"
#include "model/stall.h"

namespace aiotrace::model {

/// The processes that ran in the thread's wait, each with its time in it, largest first; together at most the wait. At
/// most kMaxRunners. Time without a known run belongs to no process.
[[nodiscard]] std::vector<Runner> runners_of(const RunsSeen& seen);
inline constexpr std::size_t kMaxRunners = 16;

}  // namespace aiotrace::model

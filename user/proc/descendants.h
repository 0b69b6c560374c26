// Descendants of processes.
#pragma once

#include <sys/types.h>

#include <span>
#include <vector>

namespace aiotrace::proc {

/// The live descendants of these processes, without `pids` themselves. Decided by the parents in /proc/PID/stat: a
/// process whose parent has ended is no descendant.
[[nodiscard]] std::vector<pid_t> descendants(std::span<const pid_t> pids);

}  // namespace aiotrace::proc

// Children of processes, and their children.
#pragma once

#include <sys/types.h>

#include <span>
#include <vector>

namespace aiotrace::proc {

/// The processes that these have started, and all below them, that live now; none of `pids` itself. By the parents that
/// /proc/PID/stat names: one whose parent has ended belongs to nobody here.
[[nodiscard]] std::vector<pid_t> descendants(std::span<const pid_t> pids);

}  // namespace aiotrace::proc

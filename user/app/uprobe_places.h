// Where a process enters its polls: for --poll-probe uprobe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "proc/maps.h"
#include "proc/process.h"

namespace aiotrace::app {

struct UprobePlace {
  std::string path;          ///< through /proc, right in every mount namespace
  std::uint64_t offset = 0;  ///< in the file
  bool epoll = true;         ///< else a select or poll
};

/// epoll_wait, epoll_pwait, epoll_pwait2, select, pselect, poll and ppoll of the C library and of the program itself (a
/// static one with symbols).
[[nodiscard]] std::vector<UprobePlace> uprobe_places(const proc::Process& process, const proc::Maps& maps);

}  // namespace aiotrace::app

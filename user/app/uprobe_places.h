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
};

/// epoll_wait, epoll_pwait and epoll_pwait2 of the C library and of the program itself (a static one with symbols).
[[nodiscard]] std::vector<UprobePlace> uprobe_places(const proc::Process& process, const proc::Maps& maps);

}  // namespace aiotrace::app

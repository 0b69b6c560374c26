// The functions through which a process polls: for --poll-probe uprobe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "proc/maps.h"
#include "proc/process.h"

namespace aiotrace::app {

struct UprobePlace {
  std::string path;          ///< path through /proc, valid in every mount namespace
  std::uint64_t offset = 0;  ///< offset in the file
  bool epoll = true;         ///< otherwise it is a select or poll
};

/// epoll_wait, epoll_pwait, epoll_pwait2, select, pselect, poll and ppoll of the C library and of the program itself
/// (if it is static and has symbols).
[[nodiscard]] std::vector<UprobePlace> uprobe_places(const proc::Process& process, const proc::Maps& maps);

}  // namespace aiotrace::app

// What the user can ask of a run while it goes on.
#pragma once

#include <atomic>

#include "util/unique_fd.h"

namespace aiotrace::app {

/// Of a run that waits for several things at once.
struct Requests {
  bool stop = false;
  bool summary = false;  ///< the summary so far
  bool reload = false;   ///< the configuration anew
};

/// For commands that read a target's memory in one thread: a walk through it may be long.
struct Interrupt {
  UniqueFd fd;                              ///< readable once the run is to end
  const std::atomic<bool>* came = nullptr;  ///< the same, for Memory
};

}  // namespace aiotrace::app

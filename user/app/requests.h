// Requests of the user during a run.
#pragma once

#include <atomic>

#include "util/unique_fd.h"

namespace aiotrace::app {

/// For a run that waits for several events at once.
struct Requests {
  bool stop = false;
  bool summary = false;  ///< the summary so far
  bool reload = false;   ///< read the configuration again
};

/// For commands that read a target's memory in one thread: because a walk through memory may take long.
struct Interrupt {
  UniqueFd fd;                              ///< becomes readable when the run has to end
  const std::atomic<bool>* came = nullptr;  ///< the same, for Memory
};

}  // namespace aiotrace::app

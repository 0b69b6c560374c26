// The signals that end a run, or ask something of it.
#pragma once

#include <atomic>
#include <initializer_list>

#include "util/result.h"
#include "util/unique_fd.h"

namespace aiotrace::app {

/// SIGINT, SIGTERM, SIGHUP and `others` come by the descriptor from now on (signalfd_siginfo), in all threads started
/// later; SIGPIPE is ignored: a reader that is gone is an error of the write.
[[nodiscard]] Result<UniqueFd> catch_signals(std::initializer_list<int> others = {});

/// For commands that read a target's memory in one thread: a walk through it may be long.
struct Interrupt {
  UniqueFd fd;                              ///< readable once SIGINT, SIGTERM or SIGHUP has come
  const std::atomic<bool>* came = nullptr;  ///< the same, for Memory
};

/// The second signal ends the program at once. SIGPIPE is ignored. Once for a process.
[[nodiscard]] Result<Interrupt> on_interrupt();

}  // namespace aiotrace::app

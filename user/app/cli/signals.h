// Signals that end a run or request something from it.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "app/requests.h"
#include "util/result.h"
#include "util/unique_fd.h"

namespace aiotrace::app {

/// Ignores SIGPIPE from now on: a closed reader becomes a write error. All commands write this way.
[[nodiscard]] Status ignore_broken_pipes();

/// From now on SIGINT, SIGTERM, SIGHUP and `others` are delivered by the descriptor (signalfd_siginfo), in all threads
/// that are started later.
[[nodiscard]] Result<UniqueFd> catch_signals(std::initializer_list<int> others = {});

/// The meaning of SIGHUP: end the run, or for a daemon: read the configuration again.
enum class Hangup : std::uint8_t { ends, reloads };

/// Reads the signals from that descriptor. SIGUSR1 requests the summary, SIGCHLD nothing, all others the end. After a
/// request to end, the next such signal ends the program at once, even if it waits.
[[nodiscard]] Requests take_requests(int signals, Hangup hangup = Hangup::ends);

/// Makes SIGINT, SIGTERM and SIGHUP an Interrupt; the second signal ends the program at once. Can be created once in a
/// process.
[[nodiscard]] Result<Interrupt> on_interrupt();

}  // namespace aiotrace::app

// The signals that end a run, or ask something of it.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "app/requests.h"
#include "util/result.h"
#include "util/unique_fd.h"

namespace aiotrace::app {

/// SIGPIPE is ignored from now on: a reader that is gone is an error of the write. All commands write so.
[[nodiscard]] Status ignore_broken_pipes();

/// SIGINT, SIGTERM, SIGHUP and `others` come by the descriptor from now on (signalfd_siginfo), in all threads started
/// later.
[[nodiscard]] Result<UniqueFd> catch_signals(std::initializer_list<int> others = {});

/// What SIGHUP asks for: the end, or of a daemon the configuration anew.
enum class Hangup : std::uint8_t { ends, reloads };

/// What has come by that descriptor: SIGUSR1 asks for the summary, SIGCHLD for nothing, the others for the end. After
/// one of these the next ends the program at once, whatever it waits for.
[[nodiscard]] Requests take_requests(int signals, Hangup hangup = Hangup::ends);

/// SIGINT, SIGTERM and SIGHUP as an Interrupt; the second one ends the program at once. Once for a process.
[[nodiscard]] Result<Interrupt> on_interrupt();

}  // namespace aiotrace::app

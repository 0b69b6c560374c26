// One run of `aiotrace -p PID` or `aiotrace -- COMMAND`, from the options to the exit status.
#pragma once

#include "app/options.h"

namespace aiotrace::app {

/// Exit statuses, fixed.
inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitNotPermitted = 3;
inline constexpr int kExitStall = 4;
inline constexpr int kExitNoCommand = 127;

/// Says the error on standard error; its exit status.
[[nodiscard]] int report(const Error& error);

[[nodiscard]] int run_session(const Options& options);

}  // namespace aiotrace::app

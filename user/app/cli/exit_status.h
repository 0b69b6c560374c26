// The exit statuses of the program. They must not change.
#pragma once

namespace aiotrace::app {

inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitNotPermitted = 3;
inline constexpr int kExitStall = 4;
inline constexpr int kExitNoCommand = 127;

}  // namespace aiotrace::app

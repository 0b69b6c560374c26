// `aiotrace doctor [-p PID[,PID…]] [--json FILE|-]`: what works here, what does not, and what to do about it.
#pragma once

namespace aiotrace::app {

/// Exit status 0 if stalls can be watched here, 3 if not; 1 and 2 as everywhere.
[[nodiscard]] int run_doctor(int argc, const char* const* argv);

}  // namespace aiotrace::app

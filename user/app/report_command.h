// `aiotrace report FILE`: everything again from a recording. `aiotrace report --diff A B`: what changed between two.
#pragma once

namespace aiotrace::app {

/// Exit status 0; 1 also for a recording that is damaged or cut off, after everything up to there was told; 2 usage;
/// 3 a recording of a newer version; 4 with --fail-over.
[[nodiscard]] int run_report(int argc, const char* const* argv);

}  // namespace aiotrace::app

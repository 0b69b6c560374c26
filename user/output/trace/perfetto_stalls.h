// A run as a trace for Perfetto's UI (ui.perfetto.dev) and trace processor.
#pragma once

#include <string>

#include "output/report.h"

namespace aiotrace::output {

/// A message `Trace` (protos/perfetto/trace/trace.proto) with times of CLOCK_MONOTONIC: a track for each thread of a
/// loop with its stalls, below each the task and what it did in the order of time; separate tracks show who held the
/// GIL and who had the CPU. Stalls without details in the log have no parts. Names are at most 1 KB of valid UTF-8.
[[nodiscard]] std::string perfetto_trace(const Report& report);

}  // namespace aiotrace::output

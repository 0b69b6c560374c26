// The data of the files that are written at the end of a run.
#pragma once

#include <cstdint>

#include "model/stall_log.h"
#include "model/summary.h"
#include "model/weighted_stacks.h"
#include "output/context.h"

namespace aiotrace::output {

struct Report {
  const model::Watching& watching;
  const model::Summary& summary;
  const model::StallLog& log;
  const model::WeightedStacks& stacks;
  const OutputContext& context;

  /// CLOCK_MONOTONIC; `summary.elapsed_ns` before the end of the run.
  [[nodiscard]] std::uint64_t start_ns() const {
    return summary.time_ns > summary.elapsed_ns ? summary.time_ns - summary.elapsed_ns : 0;
  }
  [[nodiscard]] std::int64_t start_unix_ns() const {
    // A recording may have any values: sums of them wrap around.
    return static_cast<std::int64_t>(start_ns() + static_cast<std::uint64_t>(context.realtime_minus_monotonic_ns));
  }
};

}  // namespace aiotrace::output

// A run of `leaks` as a whole, beside its scans. Only data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/leaks.h"
#include "model/summary.h"

namespace aiotrace::model {

struct LeaksHead {
  std::uint64_t time_ns = 0;  ///< CLOCK_MONOTONIC, at the beginning
  std::string version;        ///< of aiotrace
  std::uint64_t age_ns = 0;   ///< an older object is a leak
  std::vector<Target> targets;
};

/// One scan of a process and all that it found.
struct ScannedLeaks {
  std::vector<Leak> leaks;
  LeakScan scan;
  bool shown = true;  ///< false: only points of the courses over time
};

struct LeaksEnd {
  std::uint64_t time_ns = 0;  ///< CLOCK_MONOTONIC
  LeakSummary summary;
};

}  // namespace aiotrace::model

// Looks for what hangs beside the watching of stalls. Passive data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/hang.h"

namespace aiotrace::model {

/// One look at a process and what of it is reported.
struct ScannedHangs {
  std::vector<Hang> hangs;
  HangScan scan;
};

}  // namespace aiotrace::model

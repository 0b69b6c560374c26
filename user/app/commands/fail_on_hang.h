// --fail-on-hang for runs that look for hangs while they watch stalls.
#pragma once

#include "model/summary.h"

namespace aiotrace::app {

/// The exit status: 4 if a hang is proved; 1, with a message, if no look saw enough to exclude hangs; otherwise 0.
[[nodiscard]] int status_of_hangs(const model::Summary& summary);

}  // namespace aiotrace::app

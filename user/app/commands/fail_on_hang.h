// --fail-on-hang of the runs that look for hangs beside stalls.
#pragma once

#include "model/summary.h"

namespace aiotrace::app {

/// The exit status: 4 if something is proved to hang; 1, with a message, if no look saw enough to rule that out; else
/// 0.
[[nodiscard]] int status_of_hangs(const model::Summary& summary);

}  // namespace aiotrace::app

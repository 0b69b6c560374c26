// A loop that spins, as a sentence.
#pragma once

#include <string>

#include "model/summary.h"

namespace aiotrace::output {

/// "pid 12 thread MainThread: the loop spins: it comes back 78,000 times a second without a wait, to call
/// BaseSelectorEventLoop._read_from_self, as descriptor 6 is ready each time …"; clean.
[[nodiscard]] std::string spinning_text(const model::SpinningLoop& loop);

}  // namespace aiotrace::output

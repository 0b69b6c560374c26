// The findings of `awaits --exact`, as text.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "model/await_run.h"
#include "model/exact_awaits.h"
#include "output/context.h"

namespace aiotrace::output {

/// Tables of sites and of delays, `top` rows of each at most (0: all), and the cost for the target.
[[nodiscard]] std::vector<std::string> exact_awaits_text(const std::vector<model::ExactAwaitRow>& rows,
                                                         const std::vector<model::DelayRow>& delays, std::size_t top,
                                                         const model::ExactSummary& summary,
                                                         const OutputContext& context);

}  // namespace aiotrace::output

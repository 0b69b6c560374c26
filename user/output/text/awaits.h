// Await sites as text.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "model/await_run.h"
#include "model/task_row.h"
#include "output/context.h"

namespace aiotrace::output {

/// A table, `top` rows at most (0: all), and a line about how it came to be. `waits_for`: of the rows.
[[nodiscard]] std::vector<std::string> awaits_text(const std::vector<model::AwaitRow>& rows, std::size_t top,
                                                   const model::AwaitsSummary& summary, const OutputContext& context,
                                                   const model::WaitsOfSites& waits_for = {});

}  // namespace aiotrace::output

// Await sites as a page.
#pragma once

#include <string>
#include <vector>

#include "model/await_run.h"
#include "model/weighted_stacks.h"
#include "output/context.h"

namespace aiotrace::output {

/// A page: the sites as a table, `stacks` as a flame graph. `title` is the process; `rows` as AwaitTable::rows() has
/// them.
[[nodiscard]] std::string awaits_page(const std::string& title, const std::vector<model::AwaitRow>& rows,
                                      const model::WeightedStacks& stacks, const model::AwaitsSummary& summary,
                                      const OutputContext& context);

}  // namespace aiotrace::output

// A profile as a page.
#pragma once

#include <string>

#include "model/profile_run.h"
#include "model/weighted_stacks.h"
#include "output/context.h"

namespace aiotrace::output {

/// A page: causes, functions, waits, threads, and `stacks` as a flame graph.
[[nodiscard]] std::string profile_page(const model::ProfileReport& report, const model::WeightedStacks& stacks,
                                       const OutputContext& context);

}  // namespace aiotrace::output

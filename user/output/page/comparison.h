// Two runs side by side, as a page.
#pragma once

#include <string>

#include "model/comparison.h"
#include "model/stack_comparison.h"

namespace aiotrace::output {

/// A page: totals, places by how they changed, and a flame graph in red (grew) and blue (shrank).
[[nodiscard]] std::string comparison_page(const model::Comparison& comparison, const model::StackComparison& stacks,
                                          const std::string& before, const std::string& after);

}  // namespace aiotrace::output

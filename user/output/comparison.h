// Two runs side by side, for people and for programs.
#pragma once

#include <string>
#include <vector>

#include "model/comparison.h"
#include "model/stack_comparison.h"
#include "output/context.h"

namespace aiotrace::output {

/// Clean lines. Unless verbose, places that stayed the same are only counted.
[[nodiscard]] std::vector<std::string> comparison_lines(const model::Comparison& comparison, const std::string& before,
                                                        const std::string& after, const OutputContext& context);

/// JSON, one object a line: `type` "diff" with the totals of both, then a `type` "place" for each place.
[[nodiscard]] std::vector<std::string> comparison_json(const model::Comparison& comparison, const std::string& before,
                                                       const std::string& after);

/// A page: totals, places by what became of them, and a flame graph in red (grew) and blue (shrank).
[[nodiscard]] std::string comparison_page(const model::Comparison& comparison, const model::StackComparison& stacks,
                                          const std::string& before, const std::string& after);

}  // namespace aiotrace::output

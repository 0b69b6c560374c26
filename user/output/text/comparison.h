// Two runs side by side, as text.
#pragma once

#include <string>
#include <vector>

#include "model/comparison.h"
#include "output/context.h"

namespace aiotrace::output {

/// Clean lines. Unless verbose, places that stayed the same are only counted.
[[nodiscard]] std::vector<std::string> comparison_lines(const model::Comparison& comparison, const std::string& before,
                                                        const std::string& after, const OutputContext& context);

}  // namespace aiotrace::output

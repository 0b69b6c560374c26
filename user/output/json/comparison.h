// Two runs side by side, as JSON.
#pragma once

#include <string>
#include <vector>

#include "model/comparison.h"

namespace aiotrace::output {

/// JSON, one object a line: `type` "diff" with the totals of both, then a `type` "place" for each place.
[[nodiscard]] std::vector<std::string> comparison_json(const model::Comparison& comparison, const std::string& before,
                                                       const std::string& after);

}  // namespace aiotrace::output

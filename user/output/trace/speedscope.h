// Weighted stacks as speedscope reads them.
#pragma once

#include <string>
#include <string_view>

#include "model/weighted_stacks.h"

namespace aiotrace::output {

/// One profile of type `sampled` (https://www.speedscope.app/file-format-schema.json), heaviest stack first, weights in
/// their unit. `name` is the title in speedscope, `exporter` the program that wrote the file.
[[nodiscard]] std::string speedscope(const model::WeightedStacks& stacks, std::string_view name,
                                     std::string_view exporter);

}  // namespace aiotrace::output

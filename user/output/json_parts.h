// Objects that the JSON of several commands has; in json.cpp.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "model/losses.h"
#include "model/stall.h"
#include "model/summary.h"
#include "output/json_values.h"

namespace aiotrace::output {

/// The fields are those of the cause; null where there is none.
[[nodiscard]] Json culprit_json(const std::optional<model::Culprit>& culprit);
/// {cause: ns}, without those that are 0.
[[nodiscard]] Json causes_json(const std::array<std::uint64_t, model::kCauses>& cause_ns);
/// {name: count}, all of them.
[[nodiscard]] Json losses_json(const model::LossCounts& counts);
[[nodiscard]] Json cost_json(const model::Cost& cost);

}  // namespace aiotrace::output

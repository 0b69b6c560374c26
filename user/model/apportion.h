// Splitting a whole number so that the parts add up to it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace aiotrace::model {

/// `total` split in proportion to `weights` by largest remainder (ties go to the earlier part): the parts add up to
/// `total` exactly. All parts are 0 if all weights are. The weights' sum must stay below 2^64.
[[nodiscard]] std::vector<std::uint64_t> apportion(std::uint64_t total, std::span<const std::uint64_t> weights);

}  // namespace aiotrace::model

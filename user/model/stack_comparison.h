// The weighted stacks of two runs side by side: what a differential flame graph is made of.
#pragma once

#include <cstdint>
#include <vector>

#include "model/weighted_stacks.h"

namespace aiotrace::model {

struct StackComparison {
  /// Every stack of either run once, with the time that it is drawn with: that of the run after or, where that has
  /// none, of the run before as if it had been watched for as long.
  WeightedStacks stacks;
  std::vector<std::uint64_t> before;  ///< weight of each of them in the run before
  std::vector<std::uint64_t> after;
};

/// Frames are the same as places are for compare(): by kind, function and the file's last part. They have the file as
/// the run after has it, and a line only where it was always the same.
[[nodiscard]] StackComparison compare_stacks(const WeightedStacks& before, std::uint64_t before_elapsed_ns,
                                             const WeightedStacks& after, std::uint64_t after_elapsed_ns);

}  // namespace aiotrace::model

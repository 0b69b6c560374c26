// The weighted stacks of two runs side by side: the data of a differential flame graph.
#pragma once

#include <cstdint>
#include <vector>

#include "model/weighted_stacks.h"

namespace aiotrace::model {

struct StackComparison {
  /// Every stack of either run once, with its width in the graph: the time in the run after, or, if the stack is not in
  /// that run, the time in the run before, scaled to the same watched time.
  WeightedStacks stacks;
  std::vector<std::uint64_t> before;  ///< weight of each of them in the run before
  std::vector<std::uint64_t> after;
};

/// Frames are compared as places are in compare(): by kind, function and the file's last part. Files are those of the
/// run after, and a line is only kept if it was always the same.
[[nodiscard]] StackComparison compare_stacks(const WeightedStacks& before, std::uint64_t before_elapsed_ns,
                                             const WeightedStacks& after, std::uint64_t after_elapsed_ns);

}  // namespace aiotrace::model

// Weighted stacks as the tree that a flame graph draws.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "model/weighted_stacks.h"

namespace aiotrace::output {

struct FlameNode {
  std::int64_t parent = -1;  ///< -1: the root, which is the first node
  std::uint32_t frame = 0;   ///< of the stacks' frames(); the root has none
  std::uint64_t weight = 0;  ///< including everything below it
  bool operator==(const FlameNode&) const = default;
};

/// At most `max_nodes` nodes, each behind its parent: the heaviest ones, so that each missing node is narrower than all
/// drawn nodes.
[[nodiscard]] std::vector<FlameNode> flame_tree(const model::WeightedStacks& stacks, std::size_t max_nodes);

/// For each node of a flame_tree() of these stacks, the sum over the stacks that pass through it; `values` has one
/// value for each stack.
[[nodiscard]] std::vector<std::uint64_t> flame_sums(const std::vector<FlameNode>& tree,
                                                    const model::WeightedStacks& stacks,
                                                    std::span<const std::uint64_t> values);

}  // namespace aiotrace::output

#include "output/page/flame_tree.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

namespace aiotrace::output {

std::vector<FlameNode> flame_tree(const model::WeightedStacks& stacks, std::size_t max_nodes) {
  std::vector<FlameNode> all(1);
  std::map<std::pair<std::size_t, std::uint32_t>, std::size_t> child_at;
  for (const auto& stack : stacks.stacks()) {
    std::size_t at = 0;
    all[at].weight += stack.weight;
    for (const auto frame : stack.frames) {
      const auto [child, added] = child_at.try_emplace({at, frame}, all.size());
      if (added) all.push_back({.parent = static_cast<std::int64_t>(at), .frame = frame, .weight = 0});
      at = child->second;
      all[at].weight += stack.weight;
    }
  }
  if (all.size() <= max_nodes) return all;
  // No node weighs more than its parent, and parents come first, so the heaviest nodes form a tree.
  std::vector<std::size_t> order(all.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&all](std::size_t a, std::size_t b) { return all[a].weight > all[b].weight; });
  order.resize(max_nodes);
  std::ranges::sort(order);
  std::vector<std::int64_t> new_index(all.size(), -1);
  std::vector<FlameNode> kept;
  for (const auto index : order) {
    auto node = all[index];
    if (node.parent >= 0) node.parent = new_index[static_cast<std::size_t>(node.parent)];
    new_index[index] = static_cast<std::int64_t>(kept.size());
    kept.push_back(node);
  }
  return kept;
}

std::vector<std::uint64_t> flame_sums(const std::vector<FlameNode>& tree, const model::WeightedStacks& stacks,
                                      std::span<const std::uint64_t> values) {
  std::vector<std::uint64_t> sums(tree.size());
  if (tree.empty()) return sums;
  std::map<std::pair<std::int64_t, std::uint32_t>, std::size_t> child_at;
  for (std::size_t i = 1; i < tree.size(); ++i) child_at[{tree[i].parent, tree[i].frame}] = i;
  const auto count = std::min(values.size(), stacks.stacks().size());
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t at = 0;
    sums[at] += values[i];
    for (const auto frame : stacks.stacks()[i].frames) {
      const auto child = child_at.find({static_cast<std::int64_t>(at), frame});
      if (child == child_at.end()) break;  // left out, including everything below
      at = child->second;
      sums[at] += values[i];
    }
  }
  return sums;
}

}  // namespace aiotrace::output

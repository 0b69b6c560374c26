#include "python/unset_futures.h"

#include <algorithm>
#include <span>

#include "python/reference_counts.h"

namespace aiotrace::python {
namespace {

constexpr std::size_t kGroup = 128;
constexpr std::size_t kMaxGroups = 16;

// Repeats until all remaining ones are proved: an object that others can reach also leads to the objects of its tasks.
std::unordered_set<std::uint64_t> prove(ReferentReader& referents, std::span<const UnsetWait> waits,
                                        const std::unordered_set<std::uint64_t>& loops) {
  constexpr unsigned kMaxRounds = 8;
  std::unordered_set<std::uint64_t> objects;
  for (const UnsetWait& each : waits) objects.insert(each.object);
  for (unsigned round = 0; round < kMaxRounds; ++round) {
    std::vector<std::uint64_t> tasks;
    for (const UnsetWait& each : waits) {
      if (objects.contains(each.object)) tasks.push_back(each.task);
    }
    auto left = referred_to_only_by(referents, tasks, objects, loops);
    if (left.size() == objects.size()) return objects;
    objects = std::move(left);
    if (objects.empty()) break;
  }
  return {};
}

}  // namespace

std::unordered_set<std::uint64_t> never_set(AsyncioReader& reader, const std::vector<UnsetWait>& waits,
                                            const std::unordered_set<std::uint64_t>& loops) {
  std::unordered_set<std::uint64_t> found;
  if (waits.empty()) return found;
  ReferentReader referents(reader);
  std::vector<UnsetWait> ordered = waits;
  std::ranges::stable_sort(ordered, {}, &UnsetWait::object);  // tasks that wait for one object are in one group
  for (std::size_t at = 0, groups = 0; at < ordered.size() && groups < kMaxGroups; at += kGroup, ++groups) {
    const auto group = std::span(ordered).subspan(at, std::min(kGroup, ordered.size() - at));
    found.merge(prove(referents, group, loops));
  }
  return found;
}

}  // namespace aiotrace::python

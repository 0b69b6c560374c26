#include "model/stack_comparison.h"

#include <array>
#include <map>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "util/hash.h"

namespace aiotrace::model {
namespace {

// Assigns equal numbers to frames that are the same in both runs.
class Frames {
 public:
  std::vector<std::uint32_t> numbers_of(const std::vector<WeightedFrame>& frames) {
    std::vector<std::uint32_t> numbers;
    numbers.reserve(frames.size());
    for (const auto& frame : frames) numbers.push_back(number_of(frame));
    return numbers;
  }
  [[nodiscard]] const WeightedFrame& operator[](std::uint32_t number) const { return frames_[number]; }

 private:
  using Key = std::tuple<WeightedFrame::Kind, std::string, std::string>;

  std::uint32_t number_of(const WeightedFrame& frame) {
    const auto [at, added] = number_at_.try_emplace(Key(frame.kind, frame.function,
                                                        frame.file.substr(frame.file.rfind('/') + 1)),
                                                    static_cast<std::uint32_t>(frames_.size()));
    if (added)
      frames_.push_back(frame);
    else if (frames_[at->second].line != frame.line)
      frames_[at->second].line = 0;
    return at->second;
  }

  std::map<Key, std::uint32_t> number_at_;
  std::vector<WeightedFrame> frames_;
};

struct StackHash {
  std::size_t operator()(const std::vector<std::uint32_t>& frames) const {
    auto seed = frames.size();
    for (const auto frame : frames) hash_into(seed, frame);
    return seed;
  }
};

std::uint64_t scaled(std::uint64_t ns, std::uint64_t from_ns, std::uint64_t to_ns) {
  if (from_ns == 0 || to_ns == 0) return ns;
  // Values of a recording can be arbitrary; sums of this many of them do not overflow.
  constexpr double kMost = 1e15;
  const double time = static_cast<double>(ns) * (static_cast<double>(to_ns) / static_cast<double>(from_ns));
  return static_cast<std::uint64_t>(time < kMost ? time : kMost);
}

}  // namespace

StackComparison compare_stacks(const WeightedStacks& before, std::uint64_t before_elapsed_ns,
                               const WeightedStacks& after, std::uint64_t after_elapsed_ns) {
  Frames frames;
  std::vector<std::vector<std::uint32_t>> order;
  std::unordered_map<std::vector<std::uint32_t>, std::array<std::uint64_t, 2>, StackHash> weights;
  // The run after comes first, so that its files are shown.
  for (const std::size_t side : {1U, 0U}) {
    const auto& stacks = side == 1 ? after : before;
    const auto numbers = frames.numbers_of(stacks.frames());
    for (const auto& stack : stacks.stacks()) {
      std::vector<std::uint32_t> key;
      key.reserve(stack.frames.size());
      for (const auto frame : stack.frames) key.push_back(numbers[frame]);
      const auto [at, added] = weights.try_emplace(key);
      if (added) order.push_back(std::move(key));
      at->second[side] += stack.weight;
    }
  }
  StackComparison comparison{.stacks{after.what(), after.times(), after.unit(), order.size() + 2}, .before{}, .after{}};
  for (const auto& key : order) {
    const auto [ns_before, ns_after] = weights[key];
    std::vector<WeightedFrame> stack;
    stack.reserve(key.size());
    for (const auto number : key) stack.push_back(frames[number]);
    comparison.stacks.add(stack, ns_after != 0 ? ns_after : scaled(ns_before, before_elapsed_ns, after_elapsed_ns), 1);
    comparison.before.push_back(ns_before);
    comparison.after.push_back(ns_after);
  }
  return comparison;
}

}  // namespace aiotrace::model

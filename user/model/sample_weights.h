// How much of an iteration's time on a CPU each of its samples counts for.
#pragma once

#include <algorithm>
#include <cstdint>

namespace aiotrace::model {

/// The period of fine samples.
inline constexpr std::uint64_t kFineSampleNs = 1'000'000;

/// The samples of one iteration, in their order. Before the thread is sampled finely one stands for up to twenty
/// times as much as later ones: a single look would decide over two fifths of a short stall. So what it stands for
/// beyond the usual is shared with those that come after it.
class SampleWeights {
 public:
  /// The weight of a sample that stands for this much time on a CPU, in ns, at least 1. What is still owed at the
  /// iteration's end is nobody's: weights are relative.
  std::uint64_t take(std::uint64_t cpu_ns) {
    constexpr std::uint64_t kVotes = 10;
    auto weight = cpu_ns;
    if (cpu_ns > 2 * kFineSampleNs) {
      owed_ns_ += cpu_ns - kFineSampleNs;
      votes_ = kVotes;
      weight = kFineSampleNs;
    }
    if (votes_ > 0) {
      const auto part = owed_ns_ / votes_--;
      owed_ns_ -= part;
      weight += part;
    }
    return std::max<std::uint64_t>(weight, 1);
  }

  void clear() { *this = SampleWeights(); }

 private:
  std::uint64_t owed_ns_ = 0;
  std::uint64_t votes_ = 0;
};

}  // namespace aiotrace::model

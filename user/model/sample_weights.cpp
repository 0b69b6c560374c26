#include "model/sample_weights.h"

#include <algorithm>
#include <utility>

namespace aiotrace::model {

SampleWeights::Weight SampleWeights::take(std::uint64_t time_ns, std::uint64_t cpu_ns) {
  constexpr std::uint64_t kVotes = 10;
  Weight weight;
  if (waited_) weight.before = std::min(ran_ns_, cpu_ns);
  weight.own = cpu_ns - weight.before;
  if (weight.own > 2 * kFineSampleNs) {
    owed_ns_ += weight.own - kFineSampleNs;
    votes_ = kVotes;
    weight.own = kFineSampleNs;
  }
  if (votes_ > 0) {
    const auto part = owed_ns_ / votes_--;
    owed_ns_ -= part;
    weight.own += part;
  }
  weight.own = std::max<std::uint64_t>(weight.own, 1);
  last_ns_ = time_ns;
  ran_ns_ = away_ns_ = 0;
  waited_ = false;
  return weight;
}

std::uint64_t SampleWeights::wait(std::uint64_t start_ns, std::uint64_t ns, bool blocked) {
  if (last_ns_ == 0 || start_ns < last_ns_ || waited_) return 0;
  // A short wait (a lock that is soon free, data that is nearly there) does not separate the work before it from the
  // work after it.
  if (!blocked || ns < kFineSampleNs) {
    away_ns_ += ns;
    return 0;
  }
  const auto since = start_ns - last_ns_;
  ran_ns_ = since - std::min(since, away_ns_);
  waited_ = true;
  votes_ = 0;
  return std::exchange(owed_ns_, 0);
}

}  // namespace aiotrace::model

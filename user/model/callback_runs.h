// Whether a stall was one long callback or many short ones.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "model/sample_weights.h"
#include "model/stall.h"

namespace aiotrace::model {

/// Counts the callbacks of one iteration by its samples.
class CallbackRuns {
 public:
  /// A sample at this time in this callback (0: unknown, the sample is ignored).
  void add(std::uint64_t callback, std::uint64_t time_ns) {
    if (callback == 0) return;
    if (callback != last_) {
      runs_++;
      last_ = callback;
      began_ns_ = time_ns;
    }
    longest_ns_ = std::max(longest_ns_, time_ns - std::min(began_ns_, time_ns));
  }

  void clear() { *this = CallbackRuns(); }

  /// The callbacks, if there are many and none of them is most of the stall. Callbacks that ended between two samples
  /// are not counted, so the number is a lower bound.
  [[nodiscard]] std::optional<Stall::Callbacks> many(std::uint64_t duration_ns) const {
    constexpr std::uint64_t kMany = 5;
    constexpr std::uint64_t kLargestShare = 3;
    // The time between two samples of one callback is certain; it may have begun and ended up to one sample further
    // out.
    const auto longest = longest_ns_ + kFineSampleNs;
    if (runs_ < kMany || longest > duration_ns / kLargestShare) return std::nullopt;
    return Stall::Callbacks{.count = runs_, .longest_ns = longest};
  }

 private:
  std::uint64_t last_ = 0;
  std::uint64_t began_ns_ = 0;
  std::uint64_t runs_ = 0;
  std::uint64_t longest_ns_ = 0;
};

}  // namespace aiotrace::model

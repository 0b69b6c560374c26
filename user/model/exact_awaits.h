// Awaits that were all seen, each with its duration.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "model/awaits.h"
#include "model/histogram.h"

namespace aiotrace::model {

/// Durations that BPF has added up.
struct Durations {
  std::uint64_t count = 0;
  std::uint64_t total_ns = 0;
  std::uint64_t max_ns = 0;
  std::array<std::uint32_t, kHistogramBuckets> buckets{};  ///< see histogram_bucket()

  void add(const Durations& other);
  /// Within 6 %, see percentile_ns().
  [[nodiscard]] std::uint64_t percentile(double quantile) const { return percentile_ns(buckets, quantile, max_ns); }
  [[nodiscard]] std::uint64_t mean_ns() const { return count == 0 ? 0 : total_ns / count; }
};

struct ExactAwaitRow {
  AwaitSite site;
  std::uint64_t in_flight = 0;  ///< at the end; not counted in `waited`
  Durations waited;             ///< of awaits that have ended
};

/// Await chains that stand at the same place are one site.
class ExactAwaits {
 public:
  void add(const AwaitSite& site, const Durations& waited, std::uint64_t in_flight);
  /// By total time, largest first.
  [[nodiscard]] std::vector<ExactAwaitRow> rows() const;

 private:
  std::map<AwaitSite, ExactAwaitRow> rows_;
};

/// How long tasks that were ready waited for their turn.
struct DelayRow {
  std::string tasks;      ///< their name, '*' for digits; empty: they have none of their own, or it is unreadable
  std::string coroutine;  ///< of tasks without a name
  Durations delay;
};

}  // namespace aiotrace::model

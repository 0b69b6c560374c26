// Awaits that were all observed, each with its duration.
#pragma once

#include <algorithm>
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
  /// 0 without any await; callers report that as unknown.
  [[nodiscard]] std::uint64_t mean_ns() const { return count == 0 ? 0 : total_ns / count; }
};

/// Awaits that are not over at the end: their time is a lower bound.
struct InFlight {
  std::uint64_t count = 0;
  std::uint64_t total_ns = 0;    ///< part of the run's time
  std::uint64_t longest_ns = 0;  ///< longest time of one, including the time before the run if known

  void add(const InFlight& other);
};

struct ExactAwaitRow {
  AwaitSite site;
  InFlight in_flight;  ///< not counted in `waited`
  Durations waited;    ///< of awaits that have ended

  [[nodiscard]] std::uint64_t total_ns() const { return waited.total_ns + in_flight.total_ns; }
  [[nodiscard]] std::uint64_t longest_ns() const { return std::max(waited.max_ns, in_flight.longest_ns); }
  /// The longest await is not over.
  [[nodiscard]] bool longest_goes_on() const { return in_flight.longest_ns > waited.max_ns; }
};

/// Await chains at the same place are one site.
class ExactAwaits {
 public:
  void add(const AwaitSite& site, const Durations& waited, const InFlight& in_flight);
  /// By total time, largest first.
  [[nodiscard]] std::vector<ExactAwaitRow> rows() const;

 private:
  std::map<AwaitSite, ExactAwaitRow> rows_;
};

/// How long ready tasks waited for their turn.
struct DelayRow {
  std::string tasks;  ///< their name with '*' for digits; empty: they have no name of their own, or it is unreadable
  std::string coroutine;  ///< coroutine of tasks without a name
  Durations delay;
};

}  // namespace aiotrace::model

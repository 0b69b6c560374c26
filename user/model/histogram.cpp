#include "model/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

namespace aiotrace::model {
namespace {

// Durations below this have less than three bits after the leading one: each has its own bucket.
constexpr std::uint64_t kExact = 8;

}  // namespace

std::size_t histogram_bucket(std::uint64_t ns) {
  if (ns < kExact) return static_cast<std::size_t>(ns);
  const auto octave = static_cast<std::size_t>(std::bit_width(ns) - 1);
  return std::min(octave << 3 | ((ns >> (octave - 3)) & 7), kHistogramBuckets - 1);
}

double bucket_start_ns(std::size_t bucket) {
  if (bucket < kExact) return static_cast<double>(bucket);
  return std::ldexp(1.0 + static_cast<double>(bucket & 7) / 8.0, static_cast<int>(bucket >> 3));
}

std::uint64_t percentile_ns(std::span<const std::uint32_t> buckets, double quantile, std::uint64_t max_ns) {
  const auto total = std::accumulate(buckets.begin(), buckets.end(), std::uint64_t{0});
  if (total == 0) return 0;
  const auto rank = std::clamp(quantile, 0.0, 1.0) * static_cast<double>(total);
  double below = 0;
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    const auto here = static_cast<double>(buckets[i]);
    if (here == 0 || below + here < rank) {
      below += here;
      continue;
    }
    // No value is above the maximum, so the last occupied bucket ends there.
    const auto start = bucket_start_ns(i);
    const auto end = std::max(start, std::min(bucket_start_ns(i + 1), static_cast<double>(max_ns)));
    const auto value = start + (end - start) * std::max(0.0, rank - below) / here;
    return std::min(max_ns, static_cast<std::uint64_t>(std::llround(value)));
  }
  return max_ns;
}

}  // namespace aiotrace::model

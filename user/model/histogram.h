// Percentiles from the log-linear histogram of iteration durations that BPF keeps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace aiotrace::model {

/// As HIST_BUCKETS in bpf/abi/config.h: 8 steps in each of 40 octaves, the last one has no upper limit.
inline constexpr std::size_t kHistogramBuckets = 320;

/// The bucket of a duration: octave << 3 | the three bits below the leading one.
[[nodiscard]] std::size_t histogram_bucket(std::uint64_t ns);

/// Where a bucket begins; its end is the beginning of the next one.
[[nodiscard]] double bucket_start_ns(std::size_t bucket);

/// The duration that a share `quantile` (0 to 1) of all iterations does not exceed. It is interpolated inside its
/// bucket (so it is within 6 % of the true one) and never above `max_ns`. 0 if the histogram is empty.
[[nodiscard]] std::uint64_t percentile_ns(std::span<const std::uint32_t> buckets, double quantile,
                                          std::uint64_t max_ns);

}  // namespace aiotrace::model

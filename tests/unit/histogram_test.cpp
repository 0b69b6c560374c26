#include "model/histogram.h"

#include <algorithm>
#include <random>
#include <vector>

#include "abi/config.h"
#include "tests/catch.h"

using namespace aiotrace::model;

static_assert(kHistogramBuckets == HIST_BUCKETS);

TEST_CASE("a bucket begins at the durations that fall into it", "[model]") {
  CHECK(histogram_bucket(0) == 0);
  CHECK(histogram_bucket(7) == 7);
  CHECK(histogram_bucket(8) == 24);
  CHECK(histogram_bucket(15) == 31);
  CHECK(histogram_bucket(16) == 32);
  CHECK(histogram_bucket(17) == 32);
  CHECK(histogram_bucket(18) == 33);
  CHECK(histogram_bucket(1'000'000) == (19 << 3 | 7));
  CHECK(histogram_bucket(~0ULL) == 319);
  for (std::size_t bucket = 24; bucket < 319; ++bucket) {
    const auto start = static_cast<std::uint64_t>(bucket_start_ns(bucket));
    CHECK(histogram_bucket(start) == bucket);
    CHECK(histogram_bucket(start - 1) < bucket);
  }
}

TEST_CASE("percentiles are interpolated and end at the maximum", "[model]") {
  std::vector<std::uint32_t> buckets(kHistogramBuckets, 0);
  CHECK(percentile_ns(buckets, 0.5, 0) == 0);
  buckets[histogram_bucket(1'024)] = 100;  // 1,024 to 1,152
  CHECK(percentile_ns(buckets, 0.5, 1'000'000) == 1'088);
  CHECK(percentile_ns(buckets, 1.0, 1'000'000) == 1'152);
  CHECK(percentile_ns(buckets, 1.0, 1'100) == 1'100);
  CHECK(percentile_ns(buckets, 0.0, 1'100) == 1'024);
  buckets[histogram_bucket(1 << 20)] = 100;
  CHECK(percentile_ns(buckets, 0.5, 1 << 20) == 1'152);
  CHECK(percentile_ns(buckets, 0.99, 1 << 20) == 1 << 20);
}

TEST_CASE("percentiles are within a bucket's width of the true ones", "[model]") {
  std::mt19937_64 random(5);
  for (int round = 0; round < 20; ++round) {
    std::vector<std::uint64_t> durations(5'000);
    std::lognormal_distribution<double> distribution(11.0, 2.0);
    for (auto& ns : durations) ns = static_cast<std::uint64_t>(distribution(random)) + 8;
    std::vector<std::uint32_t> buckets(kHistogramBuckets, 0);
    for (const auto ns : durations) ++buckets[histogram_bucket(ns)];
    std::sort(durations.begin(), durations.end());
    for (const auto quantile : {0.5, 0.9, 0.99}) {
      const auto truth = static_cast<double>(durations[static_cast<std::size_t>(quantile * 5'000) - 1]);
      const auto got = static_cast<double>(percentile_ns(buckets, quantile, durations.back()));
      CHECK(got == Catch::Approx(truth).epsilon(0.125));
    }
  }
}

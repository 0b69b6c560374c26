#include "model/apportion.h"

#include <numeric>
#include <random>

#include "tests/catch.h"

using aiotrace::model::apportion;
using Numbers = std::vector<std::uint64_t>;

TEST_CASE("parts go by largest remainder, ties to the earlier one", "[model]") {
  CHECK(apportion(10, Numbers{1, 1, 1}) == Numbers{4, 3, 3});
  CHECK(apportion(11, Numbers{1, 1, 1}) == Numbers{4, 4, 3});
  CHECK(apportion(100, Numbers{1, 0, 3}) == Numbers{25, 0, 75});
  CHECK(apportion(0, Numbers{5, 6}) == Numbers{0, 0});
  CHECK(apportion(7, Numbers{0, 0}) == Numbers{0, 0});
  CHECK(apportion(7, Numbers{}).empty());
  CHECK(apportion(~0ULL, Numbers{1, 1}) == Numbers{1ULL << 63, (1ULL << 63) - 1});
}

TEST_CASE("parts always add up and are within one of their exact share", "[model]") {
  std::mt19937_64 random(3);
  for (int round = 0; round < 2'000; ++round) {
    const auto total = random() >> (random() % 64);
    Numbers weights(1 + random() % 20);
    for (auto& weight : weights) weight = (random() >> (8 + random() % 50)) * (random() % 4 == 0 ? 0 : 1);
    const auto sum = std::accumulate(weights.begin(), weights.end(), std::uint64_t{0});
    const auto parts = apportion(total, weights);
    REQUIRE(std::accumulate(parts.begin(), parts.end(), std::uint64_t{0}) == (sum == 0 ? 0 : total));
    for (std::size_t i = 0; i < parts.size() && sum != 0; ++i) {
      const auto floor = static_cast<std::uint64_t>(static_cast<unsigned __int128>(total) * weights[i] / sum);
      REQUIRE(parts[i] >= floor);
      REQUIRE(parts[i] - floor <= 1);
    }
  }
}

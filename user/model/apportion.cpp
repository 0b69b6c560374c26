#include "model/apportion.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace aiotrace::model {

std::vector<std::uint64_t> apportion(std::uint64_t total, std::span<const std::uint64_t> weights) {
  using Wide = unsigned __int128;
  std::vector<std::uint64_t> parts(weights.size(), 0);
  const auto sum = std::accumulate(weights.begin(), weights.end(), std::uint64_t{0});
  if (sum == 0) return parts;
  std::vector<std::uint64_t> remainders(weights.size());
  auto left = total;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const auto product = static_cast<Wide>(total) * weights[i];
    parts[i] = static_cast<std::uint64_t>(product / sum);
    remainders[i] = static_cast<std::uint64_t>(product % sum);
    left -= parts[i];
  }
  std::vector<std::size_t> order(weights.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  // The rest is less than the number of parts with a remainder.
  std::stable_sort(order.begin(), order.end(),
                   [&remainders](std::size_t a, std::size_t b) { return remainders[a] > remainders[b]; });
  for (std::size_t i = 0; left > 0; ++i, --left) ++parts[order[i]];
  return parts;
}

}  // namespace aiotrace::model

// The only way in which hashes are combined.
#pragma once

#include <cstddef>
#include <functional>

namespace aiotrace {

/// Mixes the hash of `value` into `seed`. The multiplier is 2^64 divided by the golden ratio: it spreads close values.
template <class T>
void hash_into(std::size_t& seed, const T& value) {
  constexpr std::size_t kGolden = 0x9e3779b97f4a7c15;
  seed = (seed ^ std::hash<T>{}(value)) * kGolden;
  seed ^= seed >> 32;
}

}  // namespace aiotrace

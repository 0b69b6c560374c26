#include "fleet/delivery.h"

#include <charconv>

namespace aiotrace::fleet {

std::optional<std::uint64_t> retry_after_ns(std::string_view header) {
  constexpr std::uint64_t kNsPerS = 1'000'000'000;
  std::uint64_t seconds = 0;
  const auto [end, error] = std::from_chars(header.data(), header.data() + header.size(), seconds);
  if (error != std::errc{} || end != header.data() + header.size()) return std::nullopt;
  return std::min(seconds, Backoff::kMostAskedNs / kNsPerS) * kNsPerS;
}

}  // namespace aiotrace::fleet

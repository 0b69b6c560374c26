// What becomes of a request that was sent, and when the next one may follow. Pure.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

namespace aiotrace::fleet {

enum class Outcome : std::uint8_t {
  delivered,
  later,    ///< nobody answered, or it is to be sent again
  refused,  ///< it would be refused again
};
/// By OTLP's specification. `status` 0: there was no answer.
[[nodiscard]] constexpr Outcome outcome_of(int status) {
  constexpr int kTooMany = 429;
  constexpr int kBadGateway = 502;
  constexpr int kGatewayTimeout = 504;
  if (status >= 200 && status < 300) return Outcome::delivered;
  const bool again = status == 0 || status == kTooMany || (status >= kBadGateway && status <= kGatewayTimeout);
  return again ? Outcome::later : Outcome::refused;
}

/// The pauses between attempts: 1 to 2 s, then twice as long each, at most 30 s; within that by chance, so that the
/// hosts of a fleet do not all come back in the same moment.
class Backoff {
 public:
  static constexpr std::uint64_t kMostNs = 30'000'000'000;
  static constexpr std::uint64_t kMostAskedNs = 300'000'000'000;

  /// After a failure. `chance`: 0 to 1. `asked_ns`: the receiver wants that much at least.
  [[nodiscard]] std::uint64_t next_ns(double chance, std::optional<std::uint64_t> asked_ns = {}) {
    constexpr std::uint64_t kFirstNs = 2'000'000'000;
    const auto most_ns = std::min(kFirstNs << failures_, kMostNs);
    if (most_ns < kMostNs) ++failures_;
    const auto half = most_ns / 2;
    const auto pause_ns = half + static_cast<std::uint64_t>(static_cast<double>(half) * std::clamp(chance, 0.0, 1.0));
    return std::max(pause_ns, std::min(asked_ns.value_or(0), kMostAskedNs));
  }
  void reset() { failures_ = 0; }

 private:
  unsigned failures_ = 0;
};

/// The seconds of a Retry-After header, in nanoseconds; nothing: it has none, or a date.
[[nodiscard]] std::optional<std::uint64_t> retry_after_ns(std::string_view header);

}  // namespace aiotrace::fleet

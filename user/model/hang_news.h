// Which hangs are worth a report while stalls are watched: each once, and again when it has grown.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "model/hang.h"

namespace aiotrace::model {

/// Of one process, look by look. A proved hang is news at once, but for a single wait for a future that has no name:
/// that is how a program waits for ever on purpose. A task that ignored its cancellation is news if somebody waits for
/// it for kHeldNs. Another wait is news if it goes on with the same first waiter for kHeldNs, at least kCrowd tasks and
/// threads wait, and somebody holds what they wait for: a healthy program has locks under contention and pools at their
/// limit, but their waiters change. Each is news again when twice as many wait.
class HangNews {
 public:
  static constexpr std::uint64_t kHeldNs = 8'000'000'000;  // a run of 10 s has two looks
  static constexpr std::uint64_t kCrowd = 5;

  /// `now_ns`: of the look that found them, CLOCK_MONOTONIC.
  [[nodiscard]] std::vector<Hang> of(const std::vector<Hang>& found, std::uint64_t now_ns);

 private:
  std::unordered_map<std::uint64_t, std::uint64_t> reported_;  // how many waited, by id
};

}  // namespace aiotrace::model

// Weighted stacks as a profile for `go tool pprof` and other readers of its format.
#pragma once

#include <cstdint>
#include <string>

#include "model/weighted_stacks.h"
#include "util/result.h"

namespace aiotrace::output {

/// When the weights were collected.
struct ProfileTime {
  std::int64_t start_unix_ns = 0;
  std::uint64_t duration_ns = 0;
};

/// A gzip file with one message `Profile` (github.com/google/pprof, proto/profile.proto): two values a sample, the
/// count and the weight, which is shown by default. Names are valid UTF-8.
[[nodiscard]] Result<std::string> pprof(const model::WeightedStacks& stacks, const ProfileTime& time);

}  // namespace aiotrace::output

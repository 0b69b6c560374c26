// Replays a recording.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "model/stall.h"
#include "model/summary.h"
#include "recording/reader.h"
#include "util/result.h"

namespace aiotrace::app {

/// What of a recording is wanted.
struct Thresholds {
  std::optional<std::uint64_t> warn_ns;   ///< not less than what it was recorded with
  std::optional<std::uint64_t> error_ns;  ///< any, but not less than the other
};

/// Gets what the run reported, in its order.
struct Listener {
  std::function<void(const model::Watching&)> watching;
  std::function<void(const model::Stall&)> stall;
  std::function<void(const model::Stall&)> unfinished;
  std::function<void(const std::vector<model::Leak>&, const model::LeakScan&)> leaks{};
  std::function<void(const model::ScannedHangs&)> hangs{};
};

struct Replayed {
  model::Summary summary;
  std::uint64_t longest_stall_ns = 0;
  /// The file is damaged or ends too early: everything up to there was reported, the summary covers it.
  std::optional<Error> incomplete;
};

/// Why a recording is not whole whose end is missing.
[[nodiscard]] Error cut_off(const std::string& name);

/// `first` is what the reader gave first. Without thresholds the summary of a whole recording is the run's own; else
/// its stalls, causes and places are added up anew. Errors: usage, thresholds that the recording cannot serve.
[[nodiscard]] Result<Replayed> replay(recording::Reader& reader, Result<recording::Record> first,
                                      const std::string& name, const Thresholds& thresholds, const Listener& listener);

}  // namespace aiotrace::app

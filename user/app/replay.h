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

/// The requested part of a recording.
struct Thresholds {
  std::optional<std::uint64_t> warn_ns;   ///< not less than the recording's own threshold
  std::optional<std::uint64_t> error_ns;  ///< any value that is not less than the other one
};

/// Gets the reports of the run, in their order.
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
  /// Set if the file is damaged or ends too early: everything before that point was reported, and the summary covers
  /// it.
  std::optional<Error> incomplete;
};

/// The reason why a recording without an end is incomplete.
[[nodiscard]] Error cut_off(const std::string& name);

/// `first` is the record that the reader returned first. Without thresholds, the summary of a complete recording is the
/// run's own summary; otherwise its stalls, causes and places are added up again. Errors: usage, for thresholds below
/// those of the recording.
[[nodiscard]] Result<Replayed> replay(recording::Reader& reader, Result<recording::Record> first,
                                      const std::string& name, const Thresholds& thresholds, const Listener& listener);

}  // namespace aiotrace::app

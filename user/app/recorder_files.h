// The files of the daemon's flight recorder, as the daemon writes and `aiotrace report --last` reads them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/stall.h"
#include "recording/format.h"
#include "util/result.h"
#include "util/unique_fd.h"

namespace aiotrace::app {

inline constexpr const char* kDefaultState = "/var/lib/aiotrace";

/// "ring-07.aiorec".
[[nodiscard]] std::string recorder_file_name(std::size_t index);

struct RecorderFile {
  std::string path;
  UniqueFd fd;
};
/// All that are not empty; to be called with the rights that this takes, which reading them does not. Errors: no such
/// directory, not permitted.
[[nodiscard]] Result<std::vector<RecorderFile>> open_recorder_files(const std::string& directory);

struct RingQuery {
  std::int64_t since_ns = 0;           ///< CLOCK_REALTIME: stalls that ended later
  std::optional<std::string> service;  ///< only of this one
};

/// A stall of the ring, and what makes its times those of the wall clock.
struct RingStall {
  model::Stall stall;
  recording::Head head;
  bool unfinished = false;
};

struct RingContent {
  std::vector<RingStall> stalls;  ///< by the time of their beginning; each once, as it was reported last
  std::uint64_t warn_ns = 0;      ///< of the newest file
  std::uint64_t error_ns = 0;
  std::vector<Error> damaged;  ///< files that could not be read to their end; what is before is there
};
/// A file that ends early is no error: the daemon may write to it now, or have been killed.
[[nodiscard]] RingContent read_recorder_files(std::vector<RecorderFile> files, const RingQuery& query);

}  // namespace aiotrace::app

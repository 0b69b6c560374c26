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
/// All files that are not empty; the caller needs the rights to open them, but not to read them afterwards. Errors: no
/// such directory, not permitted.
[[nodiscard]] Result<std::vector<RecorderFile>> open_recorder_files(const std::string& directory);

struct RingQuery {
  std::int64_t since_ns = 0;           ///< CLOCK_REALTIME: only stalls that ended later
  std::optional<std::string> service;  ///< only of this service
};

/// A stall of the ring, and the offset that converts its times to the wall clock.
struct RingStall {
  model::Stall stall;
  recording::Head head;
  bool unfinished = false;
};

struct RingContent {
  std::vector<RingStall> stalls;  ///< sorted by start time; each stall once, in its last report
  std::uint64_t warn_ns = 0;      ///< of the newest file
  std::uint64_t error_ns = 0;
  std::vector<Error> damaged;  ///< files that could not be read to their end; the part before is included
};
/// A file that ends early is no error: the daemon may be writing to it, or was killed.
[[nodiscard]] RingContent read_recorder_files(std::vector<RecorderFile> files, const RingQuery& query);

}  // namespace aiotrace::app

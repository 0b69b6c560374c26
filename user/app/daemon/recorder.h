// The flight recorder: recordings of the latest stalls, bounded in size and age, to be read after an incident.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "fleet/config.h"
#include "fleet/exposition.h"
#include "model/stall.h"
#include "model/summary.h"
#include "proc/service.h"
#include "recording/writer.h"
#include "util/result.h"
#include "util/unique_fd.h"

namespace aiotrace::app {

/// A fixed number of files, opened at the start and never later: the daemon needs no right to create, rename or remove.
/// Each holds one recording (recording/format.h); a full one is followed by the one that is empty or has the oldest
/// content. A stall is in the page cache when its call returns: it survives the end of the daemon, whatever the way.
class Recorder {
 public:
  static constexpr std::size_t kFiles = 16;

  /// Creates the directory (its parent must be there) and the files. Errors (failure): not possible; the directory
  /// belongs to somebody else or others can write to it; another daemon uses it. `watching` is the first record of each
  /// file.
  [[nodiscard]] static Result<std::unique_ptr<Recorder>> open(const fleet::RecorderConfig& config,
                                                              model::Watching watching);

  /// Of one that goes on too: it may be the last that is heard of it.
  void add(const proc::Service& service, const model::Stall& stall, bool unfinished);
  /// To be called now and then: old files are emptied.
  void forget_old();
  /// The end of the daemon: the present file is complete.
  void finish(std::uint64_t now_ns);

  [[nodiscard]] std::uint64_t bytes() const;
  /// Stalls that are not in the files, by reason.
  [[nodiscard]] std::vector<fleet::Dropped> dropped() const;

 private:
  struct File {
    std::string path;
    UniqueFd fd;
    std::uint64_t bytes = 0;
    std::int64_t newest_ns = 0;  // of its content; CLOCK_REALTIME
  };

  Recorder(fleet::RecorderConfig config, model::Watching watching)
      : config_(std::move(config)), watching_(std::move(watching)) {}
  Status open_files();
  Status begin_file(std::size_t index);
  Status begin_next();
  void empty(File& file);
  void take(const Status& status);
  Status write(const proc::Service& service, const model::Stall& stall, bool unfinished);
  [[nodiscard]] std::size_t oldest() const;

  fleet::RecorderConfig config_;
  model::Watching watching_;
  UniqueFd directory_;  // locked while it lives
  std::array<File, kFiles> files_;
  std::size_t present_ = 0;
  std::int64_t began_ns_ = 0;  // of the present file
  std::optional<recording::Writer> writer_;
  std::set<std::uint32_t> owners_;  // pids whose service is in the present file
  std::int64_t retry_ns_ = 0;       // after a failure: not before
  std::uint64_t failed_ = 0;
  std::uint64_t too_large_ = 0;
  bool said_ = false;
};

}  // namespace aiotrace::app

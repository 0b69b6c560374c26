// Reads a recording that anybody may have made: everything is checked, and bounded in memory and time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "model/stall.h"
#include "model/summary.h"
#include "output/recording.h"
#include "util/result.h"
#include "util/unique_fd.h"

struct ZSTD_DCtx_s;

namespace aiotrace::output {

struct RecordedStall {
  model::Stall stall;
  bool unfinished = false;
  std::size_t memory = 0;  ///< that it takes, at most
};
struct RecordedSummary {
  model::Summary summary;
  bool so_far = false;  ///< of a moment in the middle
};
/// Nothing comes behind it. `cut_off`: the file ends before the recording does.
struct RecordingEnd {
  bool cut_off = false;
};
using Record = std::variant<model::Watching, RecordedStall, RecordedLeaks, RecordedSummary, RecordingEnd>;

class RecordingReader {
 public:
  /// Unpacked a file may be this much larger than it is (those of real runs: about 10 to 100 times), and so much may
  /// any one be: more is taken for an attempt to keep the reader busy.
  static constexpr std::uint64_t kMaxRatio = 2000;
  static constexpr std::uint64_t kAlwaysAllowed = std::uint64_t{64} << 20;

  /// Opens and reads the head; "-" is standard input. Errors: cannot be read, is no recording, is cut off before
  /// anything was recorded (failure); of a newer version (unsupported).
  [[nodiscard]] static Result<RecordingReader> open(const std::string& path);

  [[nodiscard]] const RecordingHead& head() const { return head_; }

  /// The next record. The error (a file that is damaged) is final.
  [[nodiscard]] Result<Record> next();

 private:
  struct ContextCloser {
    void operator()(ZSTD_DCtx_s* context) const noexcept;
  };
  /// A record as it lies in the file.
  struct Raw {
    RecordKind kind = RecordKind::end;
    std::string body;
  };

  struct Moments {
    std::vector<model::Moment> all;
    std::size_t memory = 0;
  };

  std::optional<RecordedLeaks> summary_leaks_;
  std::optional<Moments> moments_;
  std::optional<std::vector<std::vector<std::uint32_t>>> histograms_;
  RecordingReader(UniqueFd fd, std::string name);
  [[nodiscard]] std::unexpected<Error> damaged(std::string how) const;
  Result<std::size_t> read_file(char* into, std::size_t size);
  Status read_start();
  Status read_head();
  /// Unpacks until so many bytes wait; fewer only at the end of the file or frame.
  Status unpack(std::size_t wanted);
  /// Nothing: the file ends before the record does.
  Result<std::optional<Raw>> next_raw();
  Result<Record> end();

  UniqueFd fd_;
  std::string name_;
  std::unique_ptr<ZSTD_DCtx_s, ContextCloser> zstd_;
  RecordingHead head_;
  std::string packed_;  // read, not yet unpacked from packed_at_ on
  std::size_t packed_at_ = 0;
  std::string waiting_;  // unpacked, not yet taken from waiting_at_ on
  std::size_t waiting_at_ = 0;
  std::uint64_t read_bytes_ = 0;
  std::uint64_t unpacked_bytes_ = 0;
  std::optional<Error> broken_;  // what is packed cannot be unpacked from here on
  bool file_ended_ = false;
  bool frame_ended_ = false;
  bool told_end_ = false;
};

}  // namespace aiotrace::output

// Reads a recording from any source: everything is checked, and limited in memory and time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/await_run.h"
#include "model/hang_run.h"
#include "model/leak_run.h"
#include "model/profile_run.h"
#include "model/stall.h"
#include "model/summary.h"
#include "recording/format.h"
#include "util/result.h"
#include "util/unique_fd.h"

struct ZSTD_DCtx_s;

namespace aiotrace::recording {

struct RecordedStall {
  model::Stall stall;
  bool unfinished = false;
  std::size_t memory = 0;  ///< memory that it takes, at most
};
struct RecordedSummary {
  model::Summary summary;
  bool so_far = false;  ///< of a point in time during the run
};
/// Nothing follows it. `cut_off`: the file ends before the recording does.
struct End {
  bool cut_off = false;
};
using Record = std::variant<model::Watching, RecordedStall, model::ScannedLeaks, model::ScannedHangs, RecordedSummary,
                            model::LeaksHead, model::LeaksEnd, model::AwaitsHead, model::AwaitsFound, model::ExactFound,
                            model::ProfileHead, model::ProfileReport, Owner, End>;

class Reader {
 public:
  /// The maximum ratio of the unpacked size to the file's size (real runs: about 10 to 100), and the size that is
  /// allowed for any file: more is treated as an attempt to keep the reader busy.
  static constexpr std::uint64_t kMaxRatio = 2000;
  static constexpr std::uint64_t kAlwaysAllowed = std::uint64_t{64} << 20;

  /// Opens and reads the head; "-" is standard input. Errors: the file cannot be read, is no recording, or is cut off
  /// before anything was recorded (failure); the file has a newer version (unsupported).
  [[nodiscard]] static Result<Reader> open(const std::string& path);

  /// The same for an open file; `name` is used in messages.
  [[nodiscard]] static Result<Reader> of(UniqueFd fd, const std::string& name);

  [[nodiscard]] const Head& head() const { return head_; }

  /// The next record. The error (a damaged file) is final.
  [[nodiscard]] Result<Record> next();

 private:
  struct ContextCloser {
    void operator()(ZSTD_DCtx_s* context) const noexcept;
  };
  /// A record as stored in the file.
  struct Raw {
    Kind kind = Kind::end;
    std::string body;
  };

  struct Moments {
    std::vector<model::Moment> all;
    std::size_t memory = 0;
  };

  // Takes the rows of one record. False: they are invalid, or too many.
  template <class T>
  bool take_rows(std::string_view body, std::vector<T>& rows);
  // Nothing: it is a part of a later record.
  [[nodiscard]] Result<std::optional<Record>> take(Raw raw);
  [[nodiscard]] Result<std::optional<Record>> run_record(const Raw& raw);

  std::uint32_t format_ = kFormat;
  std::size_t rows_memory_ = 0;
  model::AwaitsFound awaits_;
  model::ExactFound exact_;
  model::ProfileReport profile_;
  std::optional<model::ScannedLeaks> summary_leaks_;
  std::optional<Moments> moments_;
  std::optional<std::vector<std::vector<std::uint32_t>>> histograms_;
  Reader(UniqueFd fd, std::string name);
  [[nodiscard]] std::unexpected<Error> damaged(std::string how) const;
  Result<std::size_t> read_file(char* into, std::size_t size);
  Status read_start();
  Status read_head();
  /// Unpacks until this many bytes are available; fewer only at the end of the file or frame.
  Status unpack(std::size_t wanted);
  /// Nothing: the file ends before the record does.
  Result<std::optional<Raw>> next_raw();
  Result<Record> end();

  UniqueFd fd_;
  std::string name_;
  std::unique_ptr<ZSTD_DCtx_s, ContextCloser> zstd_;
  Head head_;
  std::string packed_;  // read, not yet unpacked from packed_at_ on
  std::size_t packed_at_ = 0;
  std::string waiting_;  // unpacked, not yet taken from waiting_at_ on
  std::size_t waiting_at_ = 0;
  std::uint64_t read_bytes_ = 0;
  std::uint64_t unpacked_bytes_ = 0;
  std::optional<Error> broken_;  // packed data cannot be unpacked after this point
  bool file_ended_ = false;
  bool frame_ended_ = false;
  bool end_returned_ = false;
};

}  // namespace aiotrace::recording

// Writes a recording during its run.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/await_run.h"
#include "model/hang_run.h"
#include "model/leak_run.h"
#include "model/profile_run.h"
#include "model/stall.h"
#include "model/summary.h"
#include "recording/format.h"
#include "recording/wire.h"
#include "util/result.h"
#include "util/unique_fd.h"

struct ZSTD_CCtx_s;

namespace aiotrace::recording {

/// Every record is in the file (in the page cache) when its call returns, so everything before a crash or a full disk
/// can be read. After a write error nothing more is written: the recording ends there, and is readable.
class Writer {
 public:
  /// Creates the file and writes its head.
  [[nodiscard]] static Result<Writer> create(const std::string& path, const Head& head);
  /// The same for an open and empty file; `name` is used in messages.
  [[nodiscard]] static Result<Writer> create(UniqueFd file, const std::string& name, const Head& head);
  /// Bytes of the file so far.
  [[nodiscard]] std::uint64_t size() const { return size_; }

  Status watching(const model::Watching& watching);
  /// An error of kind usage: this record is too large (kMaxBody) and was left out; later ones are written.
  Status stall(const model::Stall& stall);
  Status unfinished(const model::Stall& stall);
  Status leaks(const model::ScannedLeaks& leaks);
  Status hangs(const model::ScannedHangs& hangs);
  Status owner(const Owner& owner);
  Status so_far(const model::Summary& summary);
  /// To be called last: the summary and the end.
  Status finish(const model::Summary& summary);

  /// For the other commands: how a run began, and how it ended; the latter is called last.
  Status begin(const model::LeaksHead& head);
  Status begin(const model::AwaitsHead& head);
  Status begin(const model::ProfileHead& head);
  Status finish(const model::LeaksEnd& end);
  Status finish(const model::AwaitsFound& found);
  Status finish(const model::ExactFound& found);
  Status finish(const model::ProfileReport& report);

 private:
  struct ContextCloser {
    void operator()(ZSTD_CCtx_s* context) const noexcept;
  };
  Writer(UniqueFd fd, std::string name);
  // Data that is written in separate records before these.
  Status before_summary(const model::Summary& summary);
  Status with_moments(Kind kind, const model::Stall& stall);
  template <class T>
  Status write(Kind kind, const T& value);
  // Split into as many records as needed.
  template <class T>
  Status write_rows(Kind kind, const std::vector<T>& rows);
  template <class T>
  Status write_last(Status before, Kind kind, const T& value);
  Status write_body(Kind kind, std::string_view body, bool last);
  Status write_bytes(std::string_view bytes);

  UniqueFd fd_;
  std::string name_;
  std::unique_ptr<ZSTD_CCtx_s, ContextCloser> zstd_;
  Encoder encoder_;
  std::string record_;
  std::string packed_;
  std::uint64_t size_ = 0;
  bool ended_ = false;
};

}  // namespace aiotrace::recording

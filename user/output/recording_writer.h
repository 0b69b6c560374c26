// Writes a recording while its run goes on.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "model/stall.h"
#include "model/summary.h"
#include "output/recording.h"
#include "output/wire.h"
#include "util/result.h"
#include "util/unique_fd.h"

struct ZSTD_CCtx_s;

namespace aiotrace::output {

/// Every record is in the file (through the page cache) when its call returns, so what is there when the program or the
/// disk ends can be read. After an error of the file nothing more is written: the recording ends there, readable.
class RecordingWriter {
 public:
  /// Creates the file and writes its head.
  [[nodiscard]] static Result<RecordingWriter> create(const std::string& path, const RecordingHead& head);

  Status watching(const model::Watching& watching);
  /// An error of kind usage: this one is too large (kMaxRecordingBody) and left out; the next ones are written.
  Status stall(const model::Stall& stall);
  Status unfinished(const model::Stall& stall);
  Status leaks(const RecordedLeaks& leaks);
  Status so_far(const model::Summary& summary);
  /// The last thing: the summary and the end.
  Status finish(const model::Summary& summary);

 private:
  struct ContextCloser {
    void operator()(ZSTD_CCtx_s* context) const noexcept;
  };
  RecordingWriter(UniqueFd fd, std::string name);
  // What comes in a record of its own in front of these.
  Status before_summary(const model::Summary& summary);
  Status with_moments(RecordKind kind, const model::Stall& stall);
  template <class T>
  Status write(RecordKind kind, const T& value);
  Status write_body(RecordKind kind, std::string_view body, bool last);
  Status write_bytes(std::string_view bytes);

  UniqueFd fd_;
  std::string name_;
  std::unique_ptr<ZSTD_CCtx_s, ContextCloser> zstd_;
  Encoder encoder_;
  std::string record_;
  std::string packed_;
  bool ended_ = false;
};

}  // namespace aiotrace::output

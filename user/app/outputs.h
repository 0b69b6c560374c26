// All outputs of a run at once.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/export_files.h"
#include "app/output_files.h"
#include "app/tracker_sink.h"
#include "model/hang_run.h"
#include "model/stall.h"
#include "model/summary.h"
#include "output/file_sink.h"
#include "output/json/run.h"
#include "output/text/run.h"
#include "output/trace/folded.h"
#include "recording/writer.h"
#include "util/unique_fd.h"

namespace aiotrace::app {

struct OutputsConfig {
  OutputFiles files;
  bool quiet = false;    ///< no text about single stalls, and no advice
  bool verbose = false;  ///< whole stacks
  /// Gets each stall when it is reported, instead of the text output; for a stall whose end will not be seen, gets the
  /// last report.
  std::function<void(const model::Stall&)> on_stall{};
};

class Outputs final : public TrackerSink {
 public:
  /// Opens the outputs: a file that cannot be opened is an error before anything is traced.
  [[nodiscard]] static Result<Outputs> open(const OutputsConfig& config);

  void watching(const model::Watching& watching);
  void stall(const model::Stall& stall) override;
  /// A stall whose end will not be seen: it was reported before as ongoing, and its time still belongs in the files.
  void unfinished(const model::Stall& stall) override;
  /// One scan for leaks: written only to JSON, and only if it found leaks; the summary shows the last scan as text.
  void leaks(const std::vector<model::Leak>& leaks, const model::LeakScan& scan);
  /// The new findings of a look at a process.
  void hangs(const model::ScannedHangs& look);
  /// The summary so far, for SIGUSR1: text only.
  void interim(const model::Summary& summary);
  /// The summary so far, for the recording only: used if the recording is cut off.
  void so_far(const model::Summary& summary);
  /// Uses the clock and time zone of a recording.
  void as_recorded(const recording::Head& head);
  /// To be called last: writes the summary, folded stacks and all other files.
  void finish(const model::Summary& summary);

  /// Begins a recording; earlier reports are not in it.
  Status start_recording(recording::Writer writer, const model::Watching& watching);
  /// Ends the recording with this summary.
  Status end_recording(const model::Summary& summary);
  [[nodiscard]] bool is_recording() const { return recording_.has_value(); }
  [[nodiscard]] const output::OutputContext& context() const { return context_; }

  /// True if standard output was closed by its reader.
  [[nodiscard]] bool reader_gone() const { return reader_gone_; }
  /// True if a write failed; each output has reported it once on standard error.
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  explicit Outputs(bool quiet) : quiet_(quiet) {}
  void begin_text();
  void check_recording(const Status& status);
  void check(const Status& status, const output::FileSink& sink, bool& error_reported);

  bool quiet_;
  bool reader_gone_ = false;
  bool failed_ = false;
  bool text_error_reported_ = false;
  bool json_error_reported_ = false;
  bool folded_error_reported_ = false;
  bool recording_error_reported_ = false;
  output::OutputContext context_;
  std::function<void(const model::Stall&)> on_stall_;
  std::unique_ptr<output::FileSink> text_sink_;  // null when standard output is for JSON
  std::unique_ptr<output::TextOutput> text_;     // writes to it
  std::unique_ptr<output::FileSink> error_sink_;
  std::unique_ptr<output::FileSink> json_sink_;
  std::unique_ptr<output::FileSink> folded_sink_;
  std::optional<recording::Writer> recording_;
  bool json_on_stdout_ = false;
  output::FoldedOutput folded_;
  ExportFiles exports_;
};

/// Starts a recording of all later reports.
[[nodiscard]] Result<recording::Writer> create_recording(const std::string& path, const output::OutputContext& context);

/// The same, into an open and empty file.
[[nodiscard]] Result<recording::Writer> recording_to(UniqueFd file, const std::string& name,
                                                     const output::OutputContext& context);

/// The format of text for this sink: its colour and width; times are local times of this machine.
[[nodiscard]] output::OutputContext terminal_context(const output::FileSink& sink);

}  // namespace aiotrace::app

// Outputs of `leaks`: of a run, or of its recording.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "app/command_output.h"
#include "model/leak_history.h"
#include "model/leak_run.h"
#include "output/file_sink.h"
#include "recording/format.h"
#include "util/result.h"

namespace aiotrace::app {

struct LeaksOutputsConfig {
  std::optional<std::string> json;  ///< "-": standard output
  std::optional<std::string> html;
  std::optional<std::string> record;
  bool quiet = false;    ///< no text
  bool verbose = false;  ///< all groups and whole stacks
};

class LeaksOutputs {
 public:
  /// Opens the outputs: a file that cannot be opened is an error before any work begins.
  [[nodiscard]] static Result<LeaksOutputs> open(const LeaksOutputsConfig& config);

  /// Uses the clock and time zone of a recording.
  void as_recorded(const recording::Head& head) { out_.as_recorded(head); }
  void begin(const model::LeaksHead& head);
  /// A scan that was not shown may be passed again, to be shown.
  void scan(const model::ScannedLeaks& scanned);
  /// To be called last.
  void finish(const model::LeaksEnd& end);

  /// Standard output was closed by its reader.
  [[nodiscard]] bool reader_gone() const { return out_.reader_gone(); }
  [[nodiscard]] bool failed() const { return out_.failed(); }

 private:
  LeaksOutputs(CommandOutput out, std::unique_ptr<output::FileSink> html, bool quiet)
      : out_(std::move(out)), html_(std::move(html)), quiet_(quiet) {}

  CommandOutput out_;
  std::unique_ptr<output::FileSink> html_;  // null: not asked for
  bool quiet_;
  model::LeaksHead head_;
  model::LeakHistory history_;
  std::set<std::pair<std::uint32_t, std::uint64_t>> added_;  // the scans in history_: pid and number
};

}  // namespace aiotrace::app

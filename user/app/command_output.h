// Where the commands that look at a process write: JSON lines to a file or standard output, text to standard output.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "output/context.h"
#include "output/file_sink.h"
#include "recording/writer.h"
#include "util/result.h"

namespace aiotrace::app {

class CommandOutput {
 public:
  /// Opens the outputs, so that a file that cannot be opened is an error before any work begins. With "-" no text is
  /// written.
  [[nodiscard]] static Result<CommandOutput> open(const std::optional<std::string>& json, bool verbose = false,
                                                  const std::optional<std::string>& record = std::nullopt);

  /// Uses the clock and time zone of a recording.
  void as_recorded(const recording::Head& head);

  [[nodiscard]] const output::OutputContext& context() const { return context_; }
  [[nodiscard]] bool has_json() const { return json_ != nullptr; }
  [[nodiscard]] bool has_text() const { return text_ != nullptr; }
  /// Null: nothing is recorded.
  [[nodiscard]] recording::Writer* recording() { return recording_ ? &*recording_ : nullptr; }

  /// Does nothing without that output. A write error is reported once, on standard error.
  void json(const std::string& line);
  void text(std::span<const std::string> lines);
  /// Adds the exit status of another file of the command.
  void check(const Status& status);

  /// Standard output was closed by its reader: this is no failure, but the command can end.
  [[nodiscard]] bool reader_gone() const { return reader_gone_; }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  void check(const Status& status, const output::FileSink& sink);

  output::OutputContext context_;
  std::unique_ptr<output::FileSink> json_;
  std::unique_ptr<output::FileSink> text_;
  std::optional<recording::Writer> recording_;
  bool reader_gone_ = false;
  bool failed_ = false;
};

/// Another file of a command, opened before any work begins; null if none was requested.
[[nodiscard]] Result<std::unique_ptr<output::FileSink>> open_asked(const std::optional<std::string>& path);

}  // namespace aiotrace::app

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
  /// Opens what is to be written: a file that cannot be is an error before anything is looked at. With "-" there is no
  /// text.
  [[nodiscard]] static Result<CommandOutput> open(const std::optional<std::string>& json, bool verbose = false,
                                                  const std::optional<std::string>& record = std::nullopt);

  /// Times are those of the machine and the moment of a recording.
  void as_recorded(const recording::Head& head);

  [[nodiscard]] const output::OutputContext& context() const { return context_; }
  [[nodiscard]] bool has_json() const { return json_ != nullptr; }
  [[nodiscard]] bool has_text() const { return text_ != nullptr; }
  /// Null: nothing is recorded.
  [[nodiscard]] recording::Writer* recording() { return recording_ ? &*recording_ : nullptr; }

  /// Nothing happens without that output. What cannot be written is reported once, on standard error.
  void json(const std::string& line);
  void text(std::span<const std::string> lines);
  /// The status of a write to another file of the command.
  void check(const Status& status);

  /// Nobody reads standard output any more: no failure, but there is nothing left to do.
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

/// A further file of a command, opened before anything is looked at; null where none is asked for.
[[nodiscard]] Result<std::unique_ptr<output::FileSink>> open_asked(const std::optional<std::string>& path);

}  // namespace aiotrace::app

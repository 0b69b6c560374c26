// A file or standard output as a sink.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "output/sink.h"
#include "util/unique_fd.h"

namespace aiotrace::output {

/// SIGPIPE must be ignored by the program, else a reader that is gone ends it instead of giving an error.
class FileSink final : public Sink {
 public:
  /// Creates or empties the file, with the care of open_output_file(); "-" is standard output. The error names the
  /// path.
  [[nodiscard]] static Result<std::unique_ptr<FileSink>> open(const std::string& path);

  /// Standard output: a copy of the descriptor, the original stays open.
  [[nodiscard]] static Result<std::unique_ptr<FileSink>> standard_output();

  /// One write for the line where the file takes it whole. If a regular file takes only a part (disk full),
  /// that part is taken back, so that a file never ends in half a line.
  Status write_line(std::string_view line) override;

  /// The same for bytes as they are, without a newline behind them.
  Status write_bytes(std::string_view bytes);

  /// errno of the last failed write, 0 if there was none: EPIPE is a reader that has seen enough.
  [[nodiscard]] int last_errno() const { return last_errno_; }

  /// True for a terminal.
  [[nodiscard]] bool is_terminal() const;

  FileSink(UniqueFd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}

 private:
  UniqueFd fd_;
  std::string name_;
  std::string buffer_;
  int last_errno_ = 0;
};

}  // namespace aiotrace::output

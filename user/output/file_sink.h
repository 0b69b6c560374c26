// A file or standard output as a sink.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "output/sink.h"
#include "util/unique_fd.h"

namespace aiotrace::output {

/// The program must ignore SIGPIPE; otherwise a closed reader ends it instead of causing an error.
class FileSink final : public Sink {
 public:
  /// Creates or empties the file, with the checks of open_output_file(); "-" is standard output. The error names the
  /// path.
  [[nodiscard]] static Result<std::unique_ptr<FileSink>> open(const std::string& path);

  /// Standard output: a copy of the descriptor, the original stays open.
  [[nodiscard]] static Result<std::unique_ptr<FileSink>> standard_output();

  /// Writes the line with one call if the file takes it whole. If a regular file takes only a part (disk full), that
  /// part is removed again, so that a file never ends in half a line.
  Status write_line(std::string_view line) override;

  /// The same for raw bytes, without a newline.
  Status write_bytes(std::string_view bytes);

  /// errno of the last failed write, 0 if there was none: EPIPE means that the reader has closed.
  [[nodiscard]] int last_errno() const { return last_errno_; }

  /// True if it is a terminal.
  [[nodiscard]] bool is_terminal() const;

  FileSink(UniqueFd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}

 private:
  UniqueFd fd_;
  std::string name_;
  std::string buffer_;
  int last_errno_ = 0;
};

}  // namespace aiotrace::output

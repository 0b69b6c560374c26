// Destination of output, one whole line at a time.
#pragma once

#include <string>
#include <string_view>

#include "util/result.h"

namespace aiotrace::output {

class Sink {
 public:
  Sink() = default;
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  virtual ~Sink() = default;

  /// Writes the line and a newline, directly to the file: nothing is buffered. `line` holds no newline itself. An error
  /// (disk full, reader gone) is final for this line; the sink can still be used.
  virtual Status write_line(std::string_view line) = 0;
};

/// Collects the lines: for tests, and for text that is written elsewhere.
class StringSink final : public Sink {
 public:
  Status write_line(std::string_view line) override {
    text_.append(line).push_back('\n');
    return {};
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace aiotrace::output

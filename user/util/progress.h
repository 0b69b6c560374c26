// Progress of a command that collects data, on the terminal, until it has results.
#pragma once

#include <cstdint>
#include <string>

namespace aiotrace {

/// If standard error is a terminal: first prints what the command does and how to end it, then updates one line.
/// Otherwise prints nothing. Only one object at a time.
class Progress {
 public:
  /// `what` is printed at once, after "aiotrace: ".
  explicit Progress(const std::string& what);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  /// Removes the progress line.
  ~Progress();

  [[nodiscard]] bool shown() const { return shown_; }
  /// Writes the line again, "12 s  34 tasks", if it is due: not more often than four times a second. `text` is called
  /// only then.
  template <class Text>
  void update(std::uint64_t now_ns, Text text) {
    if (shown_ && due(now_ns)) write(now_ns, text());
  }
  /// Time until the next update, for a wait in between; unlimited if nothing is shown.
  [[nodiscard]] std::uint64_t next_ns() const;

 private:
  [[nodiscard]] bool due(std::uint64_t now_ns) const { return now_ns >= next_ns(); }
  void write(std::uint64_t now_ns, const std::string& text);

  bool shown_;
  std::uint64_t begin_ns_;
  std::uint64_t written_ns_ = 0;
};

/// The end of such a message, `then` describes what is printed: "; Ctrl-C ends it and prints the table", or with a
/// duration (0: none) " for 10.0 s; Ctrl-C ends it sooner and prints the table".
[[nodiscard]] std::string how_to_end(std::uint64_t duration_ns, const std::string& then);

/// Another message is about to be written: removes the progress line, which appears again with the next update.
void clear_progress();

}  // namespace aiotrace

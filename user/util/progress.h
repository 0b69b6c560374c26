// What a command that collects says on the terminal until it has something to show.
#pragma once

#include <cstdint>
#include <string>

namespace aiotrace {

/// On a terminal as standard error: first what the command does and how to end it, then one line that moves. Anywhere
/// else nothing. One at a time.
class Progress {
 public:
  /// `what` is printed at once, "aiotrace: " before it.
  explicit Progress(const std::string& what);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  /// Removes the moving line.
  ~Progress();

  [[nodiscard]] bool shown() const { return shown_; }
  /// Writes the line anew, "12 s  34 tasks", if it is time to: not more often than four times a second. `text` is
  /// called only then.
  template <class Text>
  void update(std::uint64_t now_ns, Text text) {
    if (shown_ && due(now_ns)) write(now_ns, text());
  }
  /// How soon the next update is due, for a wait in between; no bound where nothing is shown.
  [[nodiscard]] std::uint64_t next_ns() const;

 private:
  [[nodiscard]] bool due(std::uint64_t now_ns) const { return now_ns >= next_ns(); }
  void write(std::uint64_t now_ns, const std::string& text);

  bool shown_;
  std::uint64_t begin_ns_;
  std::uint64_t written_ns_ = 0;
};

/// The end of such a message, `then` says what is printed: "; Ctrl-C ends it and prints the table", or with a duration
/// (0: none) " for 10.0 s; Ctrl-C ends it sooner and prints the table".
[[nodiscard]] std::string how_to_end(std::uint64_t duration_ns, const std::string& then);

/// Another message is about to be written: removes the moving line, which comes back with the next update.
void clear_progress();

}  // namespace aiotrace

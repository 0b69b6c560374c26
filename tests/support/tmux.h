// A program on a terminal that a test looks at: in a window of a tmux of its own.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/support/scratch.h"

namespace aiotrace::testing {

class Tmux {
 public:
  [[nodiscard]] static bool is_there();

  /// Runs the shell's command line in a window of this size. After its end the window stays, with a line "status N",
  /// and a line that shows whether the terminal's modes are the same as before: "restored" or "changed".
  Tmux(std::size_t columns, std::size_t rows, const std::string& command);
  Tmux(const Tmux&) = delete;
  Tmux& operator=(const Tmux&) = delete;
  /// Ends the program and its tmux.
  ~Tmux();

  /// Keys by tmux's names: "q", "Enter", "Down", "C-c".
  void send(const std::vector<std::string>& keys) const;
  void resize(std::size_t columns, std::size_t rows) const;
  /// What is on the screen now.
  [[nodiscard]] std::string screen() const;
  /// The screen, once the condition is true; fails the test after kPatienceMs and shows the screen.
  std::string wait_for(const std::string& what, const std::function<bool(const std::string& screen)>& wanted) const;
  std::string wait_for(const std::string& text) const;
  /// The program's process id.
  [[nodiscard]] pid_t pid() const;

 private:
  [[nodiscard]] std::string tmux(std::vector<std::string> arguments) const;

  Scratch scratch_;
};

}  // namespace aiotrace::testing

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

  /// Runs the shell's command line in a window of this size. Behind its end the window stays, with a line "status N",
  /// and one that says whether the terminal's modes are what they were: "restored" or "changed".
  Tmux(std::size_t columns, std::size_t rows, const std::string& command);
  Tmux(const Tmux&) = delete;
  Tmux& operator=(const Tmux&) = delete;
  /// Ends the program and its tmux.
  ~Tmux();

  /// As tmux names them: "q", "Enter", "Down", "C-c".
  void send(const std::vector<std::string>& keys) const;
  void resize(std::size_t columns, std::size_t rows) const;
  /// What is on the screen now.
  [[nodiscard]] std::string screen() const;
  /// What is on the screen once it is so; fails the test after kPatienceMs, with what is there.
  std::string wait_for(const std::string& what, const std::function<bool(const std::string& screen)>& wanted) const;
  std::string wait_for(const std::string& text) const;
  /// The program's process id.
  [[nodiscard]] pid_t pid() const;

 private:
  [[nodiscard]] std::string tmux(std::vector<std::string> arguments) const;

  Scratch scratch_;
};

}  // namespace aiotrace::testing

// The whole program: all commands, and the selected one.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/cli/command_line.h"
#include "app/commands/command.h"
#include "util/result.h"

namespace aiotrace::app {

class Program {
 public:
  Program();

  /// Parses main's arguments. Errors are of kind usage and fit on one line.
  [[nodiscard]] Status parse(int argc, const char* const* argv);
  /// --help or --version was given: this text is the answer.
  [[nodiscard]] const std::optional<std::string>& message() const { return line_.message(); }
  /// The command that parse() found.
  [[nodiscard]] Command& command();

 private:
  CommandLine line_;
  std::unique_ptr<Command> watch_;                                           // the command without a name
  std::vector<std::pair<CommandLine*, std::unique_ptr<Command>>> commands_;  // the commands with a name
};

/// Parses, runs and reports errors; returns the exit status.
[[nodiscard]] int run_program(int argc, const char* const* argv);

}  // namespace aiotrace::app

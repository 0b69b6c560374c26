// One command of the program: its options and its run.
#pragma once

#include "app/cli/command_line.h"
#include "util/result.h"

namespace aiotrace::app {

class Command {
 public:
  Command() = default;
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;
  virtual ~Command() = default;

  /// Declares its help page and its options. `line` outlives the command.
  virtual void declare(CommandLine& line) = 0;
  /// Called after the options were read: checks that involve several options. Errors are of kind usage.
  [[nodiscard]] virtual Status check(const CommandLine& line) = 0;
  /// False: the command reads only what the caller may read, and keeps none of aiotrace's rights.
  [[nodiscard]] virtual bool needs_rights() const { return true; }
  /// The exit status.
  [[nodiscard]] virtual int run() = 0;
};

}  // namespace aiotrace::app

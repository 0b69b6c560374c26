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

  /// Its page of help and its options. `line` outlives the command.
  virtual void declare(CommandLine& line) = 0;
  /// After the options were read: what no option alone can decide. Errors are of kind usage.
  [[nodiscard]] virtual Status check(const CommandLine& line) = 0;
  /// False: it reads what the caller may read, and keeps no right of aiotrace's.
  [[nodiscard]] virtual bool needs_rights() const { return true; }
  /// The exit status.
  [[nodiscard]] virtual int run() = 0;
};

}  // namespace aiotrace::app

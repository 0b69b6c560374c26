// Texts of a command's --help that do not describe options.
#pragma once

#include <string_view>
#include <vector>

namespace aiotrace::app {

struct HelpText {
  /// One sentence, then paragraphs after empty lines. Lines are wrapped.
  std::string_view about;
  /// Each way to call it, without the program's name: "tasks [OPTIONS] -p PID[,PID…]".
  std::vector<std::string_view> usage;
  /// Examples and notes. Lines that begin with a blank are kept; other lines are wrapped.
  std::string_view end = {};
};

}  // namespace aiotrace::app

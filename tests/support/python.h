// The interpreters that tests run targets on.
#pragma once

#include <string>
#include <vector>

namespace aiotrace::testing {

struct Python {
  std::string version;               ///< "3.11.7"; "3.14" when it is missing
  std::vector<std::string> command;  ///< empty: not on this machine
  std::string origin;                ///< or why it is missing
  [[nodiscard]] std::string title() const { return version + (command.empty() ? "" : " (" + origin + ")"); }
  /// 11 for 3.11.7; 0 for Python 2
  [[nodiscard]] int minor() const;
  /// A free-threaded build is "3.13.5t".
  [[nodiscard]] bool has_gil() const { return !version.ends_with('t'); }
  [[nodiscard]] bool in_other_root() const { return command.size() > 1; }
};

/// Supported ones as tools/pythons.py finds them, and those of 3.8 to 3.15 and 3.13t that are missing.
[[nodiscard]] const std::vector<Python>& pythons();
/// Too old to be supported.
[[nodiscard]] std::vector<Python> older_pythons();
/// Virtual environments of tools/get_venvs.sh, and those that are missing.
[[nodiscard]] const std::vector<Python>& environments();
/// One of pythons() for what does not depend on the version: the newest with a GIL that needs no other root. Skips
/// without one.
[[nodiscard]] const Python& any_python();

/// A test case "TITLE on Python 3.11.7 (pyenv)" for each of pythons(); a skipped one for each that is missing.
void add_for_each_python(const std::string& title, const std::string& tags, void (*body)(const Python&));

}  // namespace aiotrace::testing

/// FOR_EACH_PYTHON(deep_stacks, "a stack of 200 frames is whole", "[stack]") { …python… }
#define FOR_EACH_PYTHON(name, title, tags)                                      \
  static void name##_body(const ::aiotrace::testing::Python& python);           \
  AIOTRACE_TEST_CASES(name) { add_for_each_python(title, tags, &name##_body); } \
  static void name##_body([[maybe_unused]] const ::aiotrace::testing::Python& python)

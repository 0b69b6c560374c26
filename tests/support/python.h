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
/// Does this run take every interpreter for every test (`make test-all`: AIOTRACE_TEST_ALL=1)?
[[nodiscard]] bool takes_all();
/// For tests that do not depend on the interpreter's version: of pythons() the oldest, the newest, one between, and one
/// without the GIL; all of them if takes_all().
[[nodiscard]] const std::vector<Python>& few_pythons();
/// Of environments() the oldest and the newest; all of them if takes_all().
[[nodiscard]] const std::vector<Python>& few_environments();
/// One of pythons() for tests that do not depend on the version: the newest with a GIL that needs no other root. Skips
/// without one.
[[nodiscard]] const Python& any_python();

/// A test case "TITLE on Python 3.11.7 (pyenv)" for each of these; a skipped one for each that is missing.
void add_for_pythons(const std::vector<Python>& pythons, const std::string& title, const std::string& tags,
                     void (*body)(const Python&));

}  // namespace aiotrace::testing

// How many interpreters a test runs on is a decision for each test. What reads the interpreter's memory (layouts,
// stacks, names, tasks, leaks, what blocks in which of its functions) runs on each. What reads only the kernel or the
// options (signals, formats, limits, which processes) runs on few: the oldest, the newest, one between, one without the
// GIL.

/// FOR_EACH_PYTHON(deep_stacks, "a stack of 200 frames is whole", "[stack]") { …python… }
#define FOR_EACH_PYTHON(name, title, tags) AIOTRACE_FOR_PYTHONS(name, ::aiotrace::testing::pythons(), title, tags)

/// The same on few_pythons().
#define FOR_FEW_PYTHONS(name, title, tags) AIOTRACE_FOR_PYTHONS(name, ::aiotrace::testing::few_pythons(), title, tags)

#define AIOTRACE_FOR_PYTHONS(name, pythons, title, tags)                             \
  static void name##_body(const ::aiotrace::testing::Python& python);                \
  AIOTRACE_TEST_CASES(name) { add_for_pythons(pythons, title, tags, &name##_body); } \
  static void name##_body([[maybe_unused]] const ::aiotrace::testing::Python& python)

// A program that a test starts and controls through pipes, and the Python interpreters for it.
#pragma once

#include <sys/types.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace aiotrace::testing {

/// Is killed and collected when it goes out of scope.
class Child {
 public:
  /// Standard input and output are pipes. Fails the test if it cannot be started.
  explicit Child(const std::vector<std::string>& command);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// The next line without its end; empty at the end of the output.
  [[nodiscard]] std::string line();
  void send_line();
  /// Kills it and waits until it has ended, without collecting it.
  void kill_only();

 private:
  struct FileCloser {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
  };
  pid_t pid_ = -1;
  std::unique_ptr<std::FILE, FileCloser> in_;
  std::unique_ptr<std::FILE, FileCloser> out_;
};

struct Python {
  std::string version;               ///< "3.11.7"; "3.14" when it is missing
  std::vector<std::string> command;  ///< empty: not on this machine
  std::string origin;                ///< or why it is missing
  [[nodiscard]] std::string title() const { return version + (command.empty() ? "" : " (" + origin + ")"); }
};
/// As tools/pythons.py finds them: those that are supported, and those of 3.8 to 3.15 that are missing.
[[nodiscard]] const std::vector<Python>& pythons();
/// Those before 3.8 that are here.
[[nodiscard]] std::vector<Python> older_pythons();

}  // namespace aiotrace::testing

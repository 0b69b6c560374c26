// aiotrace itself, and the programs that it watches, as a test runs them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/python.h"
#include "tests/support/scratch.h"

namespace aiotrace::testing {

[[nodiscard]] std::string aiotrace_binary();
/// The path of a program of tests/programs.
[[nodiscard]] std::string program(const std::string& name);

/// A program of tests/programs: it reports that it is ready, waits for go(), and records what it does.
class Target {
 public:
  Target(const Python& python, const std::string& script, const std::vector<std::string>& arguments = {});
  /// Another program that understands --ready, --go and --record.
  Target(std::vector<std::string> command, const std::vector<std::string>& arguments);

  /// A byte to its standard input, which is a FIFO.
  void send_input() const { input_.send(); }
  /// Its loop runs. Fails the test if it ends earlier.
  void wait_ready();
  /// The next line that it writes to --ready.
  [[nodiscard]] std::string line() { return ready_.line(*process_); }
  void go() const { go_.send(); }
  [[nodiscard]] std::vector<Json> records(const std::string& suffix = "") const {
    return ndjson(slurp(scratch_.file("record" + suffix)));
  }
  [[nodiscard]] Process& process() { return *process_; }
  [[nodiscard]] pid_t pid() const { return process_->pid(); }

 private:
  Scratch scratch_;
  Fifo ready_;
  Fifo go_;
  Fifo input_;
  std::unique_ptr<Process> process_;
};

class Tracer {
 public:
  /// `aiotrace ARGUMENTS`, with --json FILE unless they have one; standard output (unless it is given) and error go to
  /// files. The word FOLDED becomes the path of a file, "FILE:x" that of
  /// file("x").
  explicit Tracer(std::vector<std::string> arguments, const std::vector<std::string>& behind = {}, int out = -1);

  /// Every probe is in place. Fails the test and shows its output if it ends earlier.
  void wait_watching();
  /// Returns when a line of the JSON fulfils the condition; fails the test if aiotrace ends earlier.
  Json wait_line(const std::function<bool(const Json&)>& wanted);
  void wait_text(const std::string& part);
  /// Returns when it has written something to that file.
  void wait_file(const std::string& name);
  void wait_message(const std::string& part);

  [[nodiscard]] Process& process() { return *process_; }
  [[nodiscard]] int wait() { return process_->wait(); }
  [[nodiscard]] std::vector<Json> lines() const { return ndjson(slurp(scratch_.file("json"))); }
  [[nodiscard]] std::string out() const { return slurp(scratch_.file("out")); }
  [[nodiscard]] std::string err() const { return slurp(scratch_.file("err")); }
  [[nodiscard]] std::string file(const std::string& name) const { return scratch_.file(name); }

 private:
  Scratch scratch_;
  UniqueFd out_;
  UniqueFd err_;
  std::unique_ptr<Process> process_;
};

/// The results of one run of both programs.
struct Run {
  std::vector<Json> records;  ///< the target's
  std::vector<Json> lines;    ///< aiotrace's
  std::string out;
  std::string err;
  std::string folded;
  int status = -1;
};

/// The target from its first fault to its end under `aiotrace -p PID ARGUMENTS`.
[[nodiscard]] Run trace(Target& target, std::vector<std::string> arguments = {});

}  // namespace aiotrace::testing

// What a user gets wrong: one line on standard error, the right exit status, nothing on standard output.
#include <sys/types.h>
#include <unistd.h>

#include <filesystem>

#include "tests/catch.h"
#include "tests/support/match.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {
namespace {

using Catch::Matchers::ContainsSubstring;

constexpr int kFailure = 1;
constexpr int kUsage = 2;
constexpr int kNotPermitted = 3;
constexpr int kNoCommand = 127;

void check_error(const std::vector<std::string>& command, int status, const std::vector<std::string>& parts) {
  const auto outcome = run(command);
  std::string words;
  for (const auto& word : command) words += word + " ";
  INFO(words << "→ " << outcome.status << ": " << outcome.err);
  CHECK(outcome.status == status);
  CHECK(outcome.out == "");
  CHECK(lines_of(outcome.err).size() == 1);
  CHECK(outcome.err.starts_with("aiotrace: "));
  for (const auto& part : parts) CHECK_THAT(outcome.err, ContainsSubstring(part));
}

void check_error_of(const std::vector<std::string>& arguments, int status, const std::vector<std::string>& parts = {}) {
  std::vector<std::string> command{aiotrace_binary()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  check_error(command, status, parts);
}

TEST_CASE("no such pid", "[usage]") {
  pid_t gone = 0;
  {
    Process process({"true"});
    process.wait();
    gone = process.pid();
  }
  check_error_of({"-p", std::to_string(gone)}, kFailure, {"no such process", std::to_string(gone)});
  check_error_of({"-p", "2147483647"}, kFailure, {"no such process"});
}

TEST_CASE("a process that has ended and was not collected", "[usage]") {
  Process process({"true"});
  REQUIRE(wait_readable(process.pidfd(), process));
  check_error_of({"-p", std::to_string(process.pid())}, kFailure, {std::to_string(process.pid())});
}

TEST_CASE("the pid of a thread: its process is named", "[usage]") {
  Target target(any_python(), "two_loops.py");
  target.wait_ready();
  std::string thread;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(target.pid()) + "/task")) {
    if (entry.path().filename() != std::to_string(target.pid())) thread = entry.path().filename();
  }
  REQUIRE(thread != "");
  check_error_of({"-p", thread}, kUsage, {"thread of process " + std::to_string(target.pid())});
}

TEST_CASE("pids that are none", "[usage]") {
  for (const char* pid : {"0", "-1", "abc", "12x", "1,,2", ",", "1,", "99999999999", " 1", "0x10", "1.5"}) {
    check_error_of({"-p", pid}, kUsage);
  }
  check_error_of({"-p"}, kUsage);
  check_error_of({"-p", ""}, kUsage);
}

TEST_CASE("a kernel thread", "[usage]") {
  if (slurp("/proc/2/comm") != "kthreadd\n") AIOTRACE_SKIP("pid 2 is no kernel thread here: a pid namespace");
  check_error_of({"-p", "2"}, kNotPermitted, {"kernel thread", "kthreadd"});
}

TEST_CASE("one good pid beside a bad one: nothing is traced", "[usage]") {
  check_error_of({"-p", std::to_string(::getpid()) + ",2147483647"}, kFailure, {"no such process"});
}

TEST_CASE("not root: the missing capabilities are named", "[usage]") {
  // A copy, since others may not be able to enter the build directory.
  const Scratch scratch;
  std::filesystem::copy_file(aiotrace_binary(), scratch.file("aiotrace"));
  std::filesystem::permissions(scratch.file("aiotrace"), static_cast<std::filesystem::perms>(0755));
  Target target(any_python(), "idle.py");
  target.wait_ready();
  check_error({"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", scratch.file("aiotrace"), "-p",
               std::to_string(target.pid())},
              kNotPermitted, {"CAP_BPF", "CAP_PERFMON", "CAP_SYS_PTRACE"});
}

TEST_CASE("nonsense durations and thresholds", "[usage]") {
  const std::string own = std::to_string(::getpid());
  for (const char* option : {"-d", "--warn", "--error", "--fail-over"}) {
    for (const char* value : {"abc", "0", "-5s", "5 parsecs", "1y", "s", "nan", "1e999s", "99999999999999h"})
      check_error_of({"-p", own, option, value}, kUsage);
  }
  check_error_of({"-p", own, "--warn", "100ms", "--error", "10ms"}, kUsage, {"--error"});
  check_error_of({"-p", own, "-d"}, kUsage);
}

TEST_CASE("unknown options, commands and ways", "[usage]") {
  const std::string own = std::to_string(::getpid());
  check_error_of({"-p", own, "--nonsense"}, kUsage, {"--nonsense"});
  check_error_of({"nonsense"}, kUsage);
  check_error_of({"-p", own, "--poll-probe", "guess"}, kUsage, {"guess"});
  check_error_of({"-p", own, "--json"}, kUsage);
  check_error_of({"-p", own, "--", "true"}, kUsage, {"only one of"});
}

TEST_CASE("nothing to watch", "[usage]") {
  check_error_of({}, kUsage, {"nothing to watch"});
  check_error_of({"-d", "1s"}, kUsage, {"nothing to watch"});
  check_error_of({"--"}, kUsage, {"command"});
}

TEST_CASE("a message with control characters in what was typed stays one clean line", "[usage]") {
  const auto outcome = run({aiotrace_binary(), "-p", "1\n\x1b[31m2"});
  CHECK(outcome.status == kUsage);
  CHECK(lines_of(outcome.err).size() == 1);
  CHECK(outcome.err.find('\x1b') == std::string::npos);
}

TEST_CASE("an output that cannot be opened: before anything is traced", "[usage]") {
  Target target(any_python(), "idle.py");
  target.wait_ready();
  const std::string pid = std::to_string(target.pid());
  for (const char* option : {"--json", "--folded"}) {
    check_error_of({"-p", pid, option, "/nowhere/at/all"}, kFailure, {"/nowhere/at/all"});
    check_error_of({"-p", pid, option, "/"}, kFailure, {"open / for writing"});
  }
}

TEST_CASE("a command that is not there", "[command]") {
  Tracer tracer({}, {"--", "/nowhere/command"});
  CHECK(tracer.wait() == kNoCommand);
  REQUIRE(lines_of(tracer.err()).size() == 1);
  CHECK_THAT(tracer.err(), ContainsSubstring("/nowhere/command"));
}

TEST_CASE("a command that cannot be run", "[command]") {
  Tracer tracer({}, {"--", "/etc/passwd"});
  CHECK(tracer.wait() == kNoCommand);
  REQUIRE(lines_of(tracer.err()).size() == 1);
  CHECK_THAT(tracer.err(), ContainsSubstring("/etc/passwd"));
}

TEST_CASE("the command's exit status is kept", "[command]") {
  for (const int status : {0, 1, 3, 42}) {
    Tracer tracer({"-q"}, {"--", "sh", "-c", "exit " + std::to_string(status)});
    CHECK(tracer.wait() == status);
    CHECK(schema_complaints(tracer.lines()) == std::vector<std::string>{});
  }
  Tracer tracer({"-q"}, {"--", "sh", "-c", "kill -TERM $$"});
  CHECK(tracer.wait() == 128 + 15);
}

TEST_CASE("--help and --version", "[usage]") {
  const auto help = run({aiotrace_binary(), "--help"});
  CHECK(help.status == 0);
  CHECK(help.err == "");
  for (const char* option : {"--pid", "--duration", "--warn", "--error", "--json", "--folded", "--poll-probe"})
    CHECK_THAT(help.out, ContainsSubstring(option));
  const auto version = run({aiotrace_binary(), "--version"});
  CHECK(version.status == 0);
  CHECK(version.out.starts_with("aiotrace "));
  CHECK(lines_of(version.out).size() == 1);
}

}  // namespace
}  // namespace aiotrace::testing

// User errors: one line on standard error, the right exit status, nothing on standard output.
#include <sys/types.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "tests/catch.h"
#include "tests/support/match.h"
#include "tests/support/tracer.h"
#include "util/text.h"

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

TEST_CASE("root without capabilities: what the container lacks, not \"run it as root\"", "[usage]") {
  const std::vector<std::string> bare{"setpriv", "--bounding-set", "-all", "--inh-caps", "-all", aiotrace_binary()};
  Target target(any_python(), "idle.py");
  target.wait_ready();
  auto command = bare;
  command.insert(command.end(), {"-p", std::to_string(target.pid())});
  const auto outcome = run(command);
  CHECK(outcome.status == kNotPermitted);
  CHECK(lines_of(outcome.err).size() == 1);
  CHECK_THAT(outcome.err, ContainsSubstring("missing CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE"));
  CHECK_THAT(outcome.err, ContainsSubstring("--cap-add BPF --cap-add PERFMON --cap-add SYS_PTRACE"));
  CHECK(outcome.err.find("as root") == std::string::npos);
}

TEST_CASE("rights are checked before anything is written", "[usage]") {
  const Scratch scratch;
  const auto outcome = run({"setpriv", "--bounding-set", "-all", "--inh-caps", "-all", aiotrace_binary(), "-p", "1",
                            "--json", scratch.file("json"), "--folded", scratch.file("folded")});
  CHECK(outcome.status == kNotPermitted);
  CHECK_FALSE(std::filesystem::exists(scratch.file("json")));
  CHECK_FALSE(std::filesystem::exists(scratch.file("folded")));
}

TEST_CASE("a plain user reads the memory of own processes only", "[usage]") {
  const Scratch scratch;
  std::filesystem::copy_file(aiotrace_binary(), scratch.file("aiotrace"));
  std::filesystem::permissions(scratch.file("aiotrace"), static_cast<std::filesystem::perms>(0755));
  Target target(any_python(), "idle.py");  // of root
  target.wait_ready();
  for (const char* command : {"tasks", "hang", "leaks", "awaits"}) {
    check_error({"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", scratch.file("aiotrace"), command, "-p",
                 std::to_string(target.pid())},
                kNotPermitted,
                {"not permitted to read process " + std::to_string(target.pid()), "belongs to another user",
                 "sudo " + scratch.file("aiotrace")});
  }
}

TEST_CASE("a program without an event loop is an error, and JSON still has its summary", "[usage]") {
  Process plain({"sleep", "1000"});
  const Scratch scratch;
  const auto outcome = run(
      {aiotrace_binary(), "-p", std::to_string(plain.pid()), "-d", "200ms", "--json", scratch.file("json")});
  CHECK(outcome.status == kFailure);
  REQUIRE(lines_of(outcome.err).size() == 1);
  CHECK_THAT(outcome.err,
             ContainsSubstring("process " + std::to_string(plain.pid()) + " (sleep): no event loop was seen"));
  CHECK_THAT(outcome.out, ContainsSubstring("(not Python; no event loop seen yet)"));
  CHECK(outcome.out.find("no stall") == std::string::npos);
  const auto lines = ndjson(slurp(scratch.file("json")));
  REQUIRE(lines.size() == 2);
  CHECK(lines.back()["type"] == "summary");
  CHECK(lines.back()["loops"].empty());
}

TEST_CASE("a target that ends without ever having had a loop is the same error", "[usage]") {
  Process plain({"sleep", "1000"});
  Tracer tracer({"-p", std::to_string(plain.pid())});
  tracer.wait_watching();
  plain.signal(SIGKILL);
  CHECK(tracer.wait() == kFailure);
  CHECK_THAT(tracer.err(), ContainsSubstring("no event loop was seen"));
}

TEST_CASE("a started program without a loop keeps its own status", "[usage]") {
  const auto outcome = run({aiotrace_binary(), "--", "sh", "-c", "exit 0"});
  CHECK(outcome.status == 0);
  CHECK_THAT(outcome.err, ContainsSubstring("no event loop was seen"));
  CHECK(outcome.out.find("no stall") == std::string::npos);
}

TEST_CASE("commands for asyncio on a program without a loop", "[usage]") {
  Process plain({"sleep", "1000"});
  const auto pid = std::to_string(plain.pid());
  for (const char* command : {"tasks", "hang", "leaks", "awaits"})
    check_error_of({command, "-p", pid}, kNotPermitted, {"process " + pid + " (sleep) is not a CPython program"});
  Target target(any_python(), "noloop.py");
  target.wait_ready();
  const auto own = std::to_string(target.pid());
  check_error_of({"tasks", "-p", own}, kFailure, {"no asyncio loop in process " + own});
  check_error_of({"awaits", "-p", own, "-d", "300ms"}, kFailure, {"no asyncio loop in process " + own});
}

TEST_CASE("an unknown control group, and a name that no process has", "[usage]") {
  check_error_of({"--cgroup", "/no/such/group", "-d", "1s"}, kFailure, {"--cgroup /no/such/group", "no such control"});
  check_error_of({"profile", "--cgroup", "/no/such/group", "-d", "1s"}, kFailure, {"no such control group"});
  const auto nobody = run({aiotrace_binary(), "--comm", "no-such-name", "-d", "200ms"});
  CHECK(nobody.status == kFailure);
  CHECK_THAT(nobody.err, ContainsSubstring("--comm no-such-name: no event loop was seen"));
}

TEST_CASE("every command has its page of help, in 80 columns", "[usage]") {
  std::vector<std::string> names{""};
  const auto all = run({aiotrace_binary(), "help"});
  CHECK(all.out == run({aiotrace_binary(), "--help"}).out);
  bool commands = false;
  for (const auto& line : lines_of(all.out)) {
    if (line.empty()) commands = false;
    if (commands) names.push_back(line.substr(2, line.find(' ', 2) - 2));
    commands = commands || line == "Commands:";
  }
  CHECK(names.size() >= 8);
  for (const auto& name : names) {
    const auto page = name.empty() ? all : run({aiotrace_binary(), name, "--help"});
    INFO(name << page.err);
    CHECK(page.status == 0);
    CHECK(page.out.find("-V, --version") != std::string::npos);
    for (const auto& line : lines_of(page.out)) {
      INFO(line);
      CHECK(display_width(line) <= 80);
    }
    if (!name.empty()) CHECK(run({aiotrace_binary(), "help", name}).out == page.out);
  }
  check_error_of({"help", "taks"}, kUsage, {"unknown command 'taks'; did you mean 'tasks'?"});
}

TEST_CASE("--help and --version", "[usage]") {
  const auto help = run({aiotrace_binary(), "--help"});
  CHECK(help.status == 0);
  CHECK(help.err == "");
  for (const char* option : {"--pid", "--duration", "--warn", "--error", "--json", "--folded", "--poll-probe"})
    CHECK_THAT(help.out, ContainsSubstring(option));
  const auto version = run({aiotrace_binary(), "--version"});
  CHECK(version.out == run({aiotrace_binary(), "-V"}).out);
  CHECK(version.status == 0);
  CHECK(version.out.starts_with("aiotrace "));
  CHECK(lines_of(version.out).size() == 1);
}

}  // namespace
}  // namespace aiotrace::testing

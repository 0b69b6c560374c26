// `aiotrace top`: its screen, for programs that know what they did.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "tests/catch.h"
#include "tests/support/process.h"
#include "tests/support/scratch.h"
#include "tests/support/tmux.h"
#include "tests/support/tracer.h"
#include "util/text.h"

namespace aiotrace::testing {
namespace {

using Words = std::vector<std::string>;

Words words_of(const std::string& line) {
  std::istringstream stream(line);
  Words words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

std::u32string characters_of(std::string_view line) {
  std::u32string characters;
  while (!line.empty()) characters += next_code_point(line);
  return characters;
}

/// The words of the row of that process; empty: there is none.
Words row_of(const std::string& screen, pid_t pid) {
  for (const auto& line : lines_of(screen)) {
    auto words = words_of(line);
    if (std::ranges::find(words, std::to_string(pid)) != words.end() && line.find("pid ") == std::string::npos)
      return words;
  }
  return {};
}

bool has(const Words& words, const std::string& word) { return std::ranges::find(words, word) != words.end(); }

/// The text below that heading in the row of that process, in a right-aligned column of numbers.
std::string cell(const std::string& screen, pid_t pid, const std::string& heading) {
  std::size_t end = 0;
  for (const auto& line : lines_of(screen)) {
    const auto characters = characters_of(line);
    if (line.find("STALLED") != std::string::npos) {
      const auto at = characters.find(characters_of(heading));
      end = at == std::u32string::npos ? 0 : at + heading.size();
    } else if (end != 0 && has(words_of(line), std::to_string(pid)) && characters.size() >= end) {
      const auto begin = characters.rfind(U' ', end - 1) + 1;
      const auto text = characters.substr(begin, end - begin);
      return {text.begin(), text.end()};
    }
  }
  return {};
}

/// This many stalls, and none is ongoing.
auto stalls_are(pid_t pid, const std::string& count) {
  return [=](const std::string& screen) {
    const auto row = row_of(screen, pid);
    return !row.empty() && row.front() != ">" && cell(screen, pid, "STALLS") == count;
  };
}

std::string pids(const std::vector<const Target*>& targets) {
  std::string all;
  for (const auto* each : targets) all += (all.empty() ? "" : ",") + std::to_string(each->pid());
  return all;
}

std::string top(const std::string& arguments, const std::string& environment = "LC_ALL=C.UTF-8") {
  return "env " + environment + " " + aiotrace_binary() + " top --interval 200ms " + arguments;
}

/// It is ready, and a stall without an end is ongoing.
void begin_endless_stall(Target& target) {
  target.wait_ready();
  target.go();
  REQUIRE(target.line() == "second");
}

FOR_FEW_PYTHONS(once, "top --once: a loop that hangs in a sleep, and one that has nothing to do", "[top]") {
  Target hung(python, "before.py", {"--first", "sleep", "--second", "sleep"});
  Target idle(python, "idle.py");
  begin_endless_stall(hung);
  idle.wait_ready();
  const auto outcome = run(
      {"env", "LC_ALL=C", aiotrace_binary(), "top", "--once", "-p", pids({&hung, &idle}), "-d", "1s"});
  INFO(outcome.out);
  CHECK(outcome.err == "");
  REQUIRE(outcome.status == 0);
  const auto lines = lines_of(outcome.out);
  REQUIRE(lines.size() == 5);
  CHECK_THAT(lines[0], Catch::Matchers::ContainsSubstring("2 loops, 2 processes"));
  CHECK(lines[1].starts_with("1 stall >= 50.0ms in "));
  const auto stalled = row_of(outcome.out, hung.pid());
  CHECK(lines[3].find(std::to_string(hung.pid())) != std::string::npos);  // the most stalled first
  CHECK(stalled.front() == ">");
  CHECK(has(stalled, "sleep"));
  CHECK(has(stalled, "MainThread"));
  const auto quiet = row_of(outcome.out, idle.pid());
  CHECK_FALSE(quiet.empty());
  CHECK(quiet.front() != ">");
  CHECK_FALSE(has(quiet, "sleep"));
  CHECK(has(quiet, "0"));
}

TEST_CASE("top --once: what hangs", "[top]") {
  Target target(any_python(), "hang_graphs.py", {"--seed", "2"});  // has a deadlock, as hangs_test.cpp checks
  target.wait_ready();
  REQUIRE(target.line() != "");  // it hangs
  Target idle(any_python(), "idle.py");
  idle.wait_ready();
  const auto outcome = run({aiotrace_binary(), "top", "--once", "-p", pids({&target, &idle})});
  INFO(outcome.out);
  REQUIRE(outcome.status == 0);
  const auto row = row_of(outcome.out, target.pid());
  REQUIRE_FALSE(row.empty());
  CHECK(row.front() == "!");
  CHECK(has(row, "deadlock"));
  CHECK(has(row_of(outcome.out, idle.pid()), "none"));
}

TEST_CASE("top: no such process, no terminal, no rights, nonsense", "[top][usage]") {
  const auto status_of = [](Words arguments) {
    arguments.insert(arguments.begin(), {aiotrace_binary(), "top"});
    const auto outcome = run(arguments);
    INFO(outcome.err);
    CHECK(lines_of(outcome.err).size() == 1);
    CHECK(outcome.out == "");
    return outcome.status;
  };
  CHECK(status_of({"--once", "-p", "2147483647"}) == 1);
  CHECK(status_of({}) == 2);
  CHECK(status_of({"--once", "--interval", "1ns"}) == 2);
  CHECK(status_of({"--once", "-p", "1", "--comm", "x"}) == 2);
  CHECK(status_of({"--once", "-p", "1", "-a"}) == 2);
  CHECK(status_of({"--once", "--follow"}) == 2);
  const Scratch scratch;
  std::filesystem::copy_file(aiotrace_binary(), scratch.file("aiotrace"));
  std::filesystem::permissions(scratch.file("aiotrace"), static_cast<std::filesystem::perms>(0755));
  const auto outcome = run(
      {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", scratch.file("aiotrace"), "top", "--once"});
  CHECK(outcome.status == 3);
  CHECK_THAT(outcome.err, Catch::Matchers::ContainsSubstring("CAP_BPF"));
}

TEST_CASE("top on a terminal: every stall that the program wrote down, details, keys, another size", "[top]") {
  if (!Tmux::is_there()) AIOTRACE_SKIP("no tmux");
  Target target(any_python(), "faults.py", {"--faults", "sleep:120*3", "--stay", "--styles", "nested"});
  Target other(any_python(), "idle.py");
  target.wait_ready();
  other.wait_ready();
  const Tmux terminal(120, 24, top("-p " + pids({&target, &other})));
  // It watches from now on.
  terminal.wait_for("both rows", [&](const std::string& screen) {
    return !row_of(screen, target.pid()).empty() && !row_of(screen, other.pid()).empty();
  });
  target.go();
  const auto counted = terminal.wait_for("three stalls", stalls_are(target.pid(), "3"));
  CHECK(has(row_of(counted, target.pid()), "sleep"));
  CHECK(cell(counted, other.pid(), "STALLS") == "0");
  REQUIRE(target.records().size() == 3);
  CHECK_THAT(counted, Catch::Matchers::ContainsSubstring("3 stalls ≥ 50.0ms in "));
  CHECK_FALSE(has(row_of(counted, other.pid()), "sleep"));

  // Sorted by stalled time: the first row is that of the stalls.
  terminal.send({"Enter"});
  const auto record = target.records()[0];
  const auto place = std::filesystem::path(record["file"].get<std::string>()).filename().string() + ":" +
                     std::to_string(record["line"].get<int>());
  terminal.wait_for("pid " + std::to_string(target.pid()) + "  MainThread");
  terminal.wait_for("it waits in its poll");
  terminal.wait_for(place);
  terminal.resize(80, 24);
  terminal.wait_for(place);
  terminal.send({"Escape"});
  terminal.wait_for("STALLED");

  terminal.send({"/"});
  terminal.wait_for("filter: ");
  terminal.send({std::to_string(other.pid()), "Enter"});
  terminal.wait_for("one row", [&](const std::string& screen) {
    return row_of(screen, target.pid()).empty() && !row_of(screen, other.pid()).empty();
  });
  terminal.send({"Escape", "g"});
  // Both have one command name: a service with two processes.
  terminal.wait_for("(2)");
  terminal.send({"Enter"});
  terminal.wait_for("its loops", [&](const std::string& screen) { return !row_of(screen, target.pid()).empty(); });
  terminal.send({"?"});
  terminal.wait_for("aiotrace top: help");
  terminal.send({"Escape"});
  terminal.resize(200, 60);
  // Its queue was read: nothing is ready to run in a loop that waits.
  terminal.wait_for("READY", [&](const std::string& screen) { return cell(screen, target.pid(), "READY") == "0"; });
  terminal.send({"q"});
  terminal.wait_for("status 0");
  CHECK_THAT(terminal.screen(), Catch::Matchers::ContainsSubstring("restored"));
}

TEST_CASE("top on a terminal without colour and UTF-8: ASCII, and a signal gives it back", "[top]") {
  if (!Tmux::is_there()) AIOTRACE_SKIP("no tmux");
  Target target(any_python(), "faults.py", {"--faults", "sleep:80*2", "--stay"});
  target.wait_ready();
  const Tmux terminal(80, 24, top("-p " + pids({&target}), "LC_ALL=C TERM=vt100 NO_COLOR=1"));
  terminal.wait_for("a row", [&](const std::string& screen) { return !row_of(screen, target.pid()).empty(); });
  target.go();
  const auto screen = terminal.wait_for("two stalls", stalls_are(target.pid(), "2"));
  for (const char each : screen) CHECK(static_cast<unsigned char>(each) < 0x80);
  REQUIRE(::kill(terminal.pid(), SIGTERM) == 0);
  terminal.wait_for("status 0");
  CHECK_THAT(terminal.screen(), Catch::Matchers::ContainsSubstring("restored"));
}

TEST_CASE("top: processes that come and go", "[top]") {
  if (!Tmux::is_there()) AIOTRACE_SKIP("no tmux");
  const Scratch scratch;
  // A unique name.
  const auto name = "top" + std::to_string(::getpid());
  const auto path = scratch.file(name);
  std::filesystem::copy_file(std::filesystem::current_path() / "build/programs/plain_loop", path);
  const Tmux terminal(100, 24, top("--comm " + name));
  terminal.wait_for("no event loop was seen yet");
  std::optional<Target> first;
  first.emplace(Words{path}, Words{"spin:100", "sleep:100"});
  terminal.wait_for("its row", [&](const std::string& screen) { return !row_of(screen, first->pid()).empty(); });
  Target second(Words{path}, Words{"sleep:100"});
  terminal.wait_for("2 loops, 2 processes");
  first->go();
  // It ends after its stalls: its row shows that, and disappears.
  terminal.wait_for("its end", [&](const std::string& screen) {
    const auto row = row_of(screen, first->pid());
    return !row.empty() && row.front() == "x" && cell(screen, first->pid(), "STALLS") == "2";
  });
  terminal.wait_for("1 loop, 1 process");
  CHECK_FALSE(row_of(terminal.screen(), second.pid()).empty());
  terminal.send({"C-c"});
  terminal.wait_for("status 0");
}

TEST_CASE("top: a profile and a recording by key", "[top]") {
  if (!Tmux::is_there()) AIOTRACE_SKIP("no tmux");
  Target target(any_python(), "faults.py", {"--faults", "sleep:120*2", "--stay"});
  target.wait_ready();
  const Scratch scratch;
  const Tmux terminal(120, 24,
                      "env -C " + scratch.path() + " LC_ALL=C.UTF-8 " + aiotrace_binary() +
                          " top --interval 200ms -p " + pids({&target}));
  terminal.wait_for("a row", [&](const std::string& screen) { return !row_of(screen, target.pid()).empty(); });
  terminal.send({"r"});
  terminal.wait_for("records to aiotrace-");
  target.go();
  terminal.wait_for("two stalls", stalls_are(target.pid(), "2"));
  terminal.send({"r"});
  terminal.wait_for("recorded to aiotrace-");
  terminal.send({"p"});
  terminal.wait_for("profile of process " + std::to_string(target.pid()));
  terminal.wait_for("is being made");
  terminal.send({"p"});
  terminal.wait_for("samples");
  terminal.send({"q"});
  terminal.wait_for("status 0");

  std::vector<std::filesystem::path> recordings;
  for (const auto& entry : std::filesystem::directory_iterator(scratch.path())) {
    if (entry.path().extension() == ".aiorec") recordings.push_back(entry.path());
  }
  REQUIRE(recordings.size() == 1);
  const auto report = run({aiotrace_binary(), "report", recordings[0], "--json", "-"});
  CHECK(report.status == 0);
  std::size_t stalls = 0;
  for (const auto& line : ndjson(report.out)) stalls += line["type"] == "stall" ? 1 : 0;
  CHECK(stalls == 2);
}

}  // namespace
}  // namespace aiotrace::testing

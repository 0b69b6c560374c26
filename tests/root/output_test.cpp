// Outputs: the formats must agree with each other; and the behaviour if they cannot be written.
#include <fcntl.h>
#include <unistd.h>

#include <cmath>
#include <map>

#include "tests/catch.h"
#include "tests/support/match.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {
namespace {

using Catch::Matchers::ContainsSubstring;

constexpr const char* kFaults = "sleep:60,python:100,network:60,lock:60,file:60,sleep:60";

std::string frame_of(const Json& frame) {
  return frame["function"].get<std::string>() + " (" + frame["file"].get<std::string>() + ":" +
         std::to_string(frame["line"].get<int>()) + ")";
}

// The line of a segment with a whole stack: root first, cause and system call last.
std::string folded_line(const Json& segment) {
  std::string line;
  const auto& stack = segment["stack"];
  if (!stack.is_array())
    line = "[no stack];";
  else
    for (auto frame = stack.rbegin(); frame != stack.rend(); ++frame) line += frame_of(*frame) + ";";
  line += "[" + segment["cause"].get<std::string>() + "]";
  if (segment["syscall"].is_string()) line += ";[" + segment["syscall"].get<std::string>() + "]";
  return line;
}

FOR_FEW_PYTHONS(folded, "folded stacks: root first, cause and system call last, weights add up to the stalls",
                "[output]") {
  Target target(python, "faults.py", {"--faults", kFaults});
  const auto run = trace(target, {"--folded", "FOLDED"});
  std::map<std::string, double> expected;
  double whole = 0;
  for (const auto& stall : stalls_in(run.lines)) {
    whole += stall["duration_ns"].get<double>();
    for (const auto& segment : stall["segments"]) expected[folded_line(segment)] += segment["ns"].get<double>();
  }
  REQUIRE(whole > 0);
  double sum = 0;
  for (const auto& line : lines_of(run.folded)) {
    INFO(line);
    const auto space = line.rfind(' ');
    REQUIRE(space != std::string::npos);
    const double weight = std::stod(line.substr(space + 1));
    sum += weight;
    const auto same = expected.find(line.substr(0, space));
    REQUIRE(same != expected.end());
    CHECK(std::abs(weight - same->second / 1000) <= 1);
    expected.erase(same);
  }
  CHECK(sum == std::floor(whole / 1000));
  for (const auto& [line, ns] : expected) {
    INFO("not in the folded file: " << line);
    CHECK(ns < 1000);
  }
}

TEST_CASE("--json -: standard output holds JSON and nothing else", "[output]") {
  Target target(any_python(), "faults.py", {"--faults", "sleep:60"});
  target.wait_ready();
  Tracer tracer({"-p", std::to_string(target.pid()), "--json", "-"});
  tracer.wait_text("\"watching\"");
  target.go();
  CHECK(tracer.wait() == 0);
  CHECK(tracer.err() == "");
  const auto lines = ndjson(tracer.out());
  CHECK(schema_complaints(lines) == std::vector<std::string>{});
  check_stalls(target.records(), lines);
}

TEST_CASE("text for people: what was watched, the stall with its line, the summary; no colour off a terminal",
          "[output]") {
  Target target(any_python(), "faults.py", {"--faults", "sleep:60"});
  const auto run = trace(target);
  const auto& record = run.records.at(0);
  CHECK_THAT(run.out, ContainsSubstring("Watching pid " + std::to_string(target.pid())));
  CHECK_THAT(run.out, ContainsSubstring("  STALL  "));
  CHECK_THAT(run.out, ContainsSubstring(record["task"].get<std::string>()));
  CHECK_THAT(run.out, ContainsSubstring("fault_kinds.py:" + std::to_string(record["line"].get<int>())));
  CHECK(run.out.find("ring-full") == std::string::npos);
  CHECK(run.out.find('\x1b') == std::string::npos);
}

TEST_CASE("-q: no single stalls, but the summary", "[output]") {
  Target target(any_python(), "faults.py", {"--faults", "sleep:60"});
  const auto run = trace(target, {"-q"});
  CHECK(run.out.find("  STALL  ") == std::string::npos);
  CHECK_THAT(run.out, ContainsSubstring("Watched 1 loop for "));
}

TEST_CASE("a JSON file on a full disk: said once, exit status 1, the rest is complete", "[output]") {
  Target target(any_python(), "faults.py", {"--faults", "sleep:60*2"});
  target.wait_ready();
  Tracer tracer({"-p", std::to_string(target.pid()), "--json", "/dev/full", "--folded", "FOLDED"});
  tracer.wait_text("Watching pid");
  target.go();
  CHECK(tracer.wait() == 1);
  REQUIRE(lines_of(tracer.err()).size() == 1);
  CHECK_THAT(tracer.err(), ContainsSubstring("/dev/full"));
  CHECK_THAT(tracer.err(), ContainsSubstring("No space left"));
  CHECK_THAT(tracer.out(), ContainsSubstring("2 stalls"));
  CHECK_FALSE(lines_of(slurp(tracer.file("folded"))).empty());
}

TEST_CASE("a folded file on a full disk: said once, exit status 1, the rest is complete", "[output]") {
  Target target(any_python(), "faults.py", {"--faults", "sleep:60"});
  const auto run = trace(target, {"--folded", "/dev/full"});
  CHECK(run.status == 1);
  CHECK(lines_of(run.err).size() == 1);
  CHECK_THAT(run.err, ContainsSubstring("/dev/full"));
  CHECK(schema_complaints(run.lines) == std::vector<std::string>{});
}

TEST_CASE("a disk that fills up: what is there is whole lines, and said once", "[output]") {
  // A file system of two free pages in a mount namespace that ends with the program.
  const Scratch scratch;
  const std::string script =
      "mount -t tmpfs -o size=64k tmpfs \"$1\" && head -c 57344 /dev/zero > \"$1/filler\" && shift && "
      "\"$@\"; status=$?; cp \"$DISK/json\" \"$COPY\"; exit $status";
  std::filesystem::create_directory(scratch.file("disk"));
  Target target(any_python(), "faults.py", {"--faults", "sleep:60*8"});
  target.wait_ready();
  const UniqueFd out = scratch.create("out");
  const UniqueFd err = scratch.create("err");
  Process shell({"unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", scratch.file("disk"),
                 aiotrace_binary(), "-p", std::to_string(target.pid()), "--json", scratch.file("disk") + "/json"},
                {.in = -1, .out = out.get(), .err = err.get()},
                {{"DISK", scratch.file("disk")}, {"COPY", scratch.file("copy")}});
  REQUIRE(scratch.wait_until(shell, [&] { return slurp(scratch.file("out")).find("Watching") != std::string::npos; }));
  target.go();
  CHECK(shell.wait() == 1);
  const auto said = slurp(scratch.file("err"));
  INFO(said);
  CHECK(lines_of(said).size() == 1);
  CHECK_THAT(said, ContainsSubstring("No space left"));
  const auto text = slurp(scratch.file("copy"));
  REQUIRE_FALSE(text.empty());
  CHECK(text.back() == '\n');
  const auto lines = ndjson(text);
  CHECK(lines.front()["type"] == "watching");
  CHECK(lines.size() > 1);
  CHECK_THAT(slurp(scratch.file("out")), ContainsSubstring("8 stalls"));
}

TEST_CASE("a reader that goes away, as `| head` does: aiotrace ends, and the JSON file is complete", "[output]") {
  Target target(any_python(), "faults.py", {"--faults", "sleep:60", "--stay"});
  target.wait_ready();
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  Tracer tracer({"-p", std::to_string(target.pid())}, {}, writer.get());
  writer.reset();
  // Reads everything that it writes before a stall, so that the next line is the first one that nobody reads.
  std::string text;
  while (text.find("errors from") == std::string::npos || text.back() != '\n') {
    char part[256];
    REQUIRE(wait_readable(reader.get(), tracer.process()));
    const auto got = ::read(reader.get(), part, sizeof part);
    REQUIRE(got > 0);
    text.append(part, static_cast<std::size_t>(got));
  }
  reader.reset();
  target.go();
  CHECK(tracer.wait() == 1);
  CHECK(lines_of(tracer.err()).size() == 1);
  CHECK_THAT(tracer.err(), ContainsSubstring("standard output"));
  CHECK(schema_complaints(tracer.lines()) == std::vector<std::string>{});
  CHECK(tracer.lines().back()["stalls"] == 1);
}

}  // namespace
}  // namespace aiotrace::testing

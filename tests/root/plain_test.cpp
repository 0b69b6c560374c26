// Loops without a Python that aiotrace can read: stalls and causes are reported too.
#include <algorithm>
#include <fstream>
#include <optional>

#include "tests/catch.h"
#include "tests/support/match.h"
#include "tests/support/steal.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {
namespace {

/// `python`: the version of an interpreter that is refused; null if there is none.
void check_plain(const Run& run, std::size_t stalls, const Json& python = nullptr) {
  CHECK(run.status == 0);
  CHECK(schema_complaints(run.lines) == std::vector<std::string>{});
  CHECK(run.lines.front()["targets"][0]["python"] == python);
  const auto found = stalls_in(run.lines);
  CHECK(found.size() == stalls);
  REQUIRE(run.records.size() == stalls);
  for (const auto& record : run.records) {
    const auto* stall = stall_of(record, found);
    INFO(record.dump());
    REQUIRE(stall != nullptr);
    INFO(stall->dump());
    const std::string cause = record["expected_cause"];
    INFO("stolen from the machine meanwhile " << stolen_ns() / 1e6 << " ms");
    CHECK(cause_ns(*stall, cause) >= 0.95 * own_ns(*stall) - stolen_ns());
    CHECK((*stall)["loop"]["kind"] == "other");
    CHECK((*stall)["task"].is_null());
    const auto lasted = record["end_ns"].get<double>() - record["start_ns"].get<double>();
    const double duration = (*stall)["duration_ns"];
    // A poll's return without an event is seen at the thread's next switch.
    INFO("losses " << run.lines.back()["losses"].dump());
    const bool unseen = run.lines.back()["losses"]["switch-unseen"] != 0;
    CHECK(duration >= lasted - (unseen ? 1e6 : 0));
    CHECK(duration <= record["outer_end_ns"].get<double>() - record["outer_start_ns"].get<double>());
  }
}

TEST_CASE("a loop in C: sleep, file and its own code are distinguished, without a Python stack", "[plain]") {
  const Scratch scratch;
  const auto compiled = run({"cc", "-O1", "-g", "-o", scratch.file("plain_loop"), program("plain_loop.c")});
  if (compiled.status != 0) AIOTRACE_SKIP("no C compiler: " + compiled.err);
  Target target({scratch.file("plain_loop")}, {"sleep:100", "file:100", "spin:100", "sleep:60"});
  auto run = trace(target, {"--fail-on-hang"});
  // There are no tasks to read, so no hang is excluded.
  CHECK_THAT(run.err, Catch::Matchers::ContainsSubstring("hangs are not ruled out"));
  CHECK(run.status == 1);
  CHECK(run.lines.back()["hangs"].is_null());
  run.status = 0;  // checked above
  run.err = "";
  check_plain(run, 4);
}

TEST_CASE("threads that take turns to poll one epoll are no loops, and a loop beside them is one", "[plain]") {
  const Scratch scratch;
  const auto compiled = run({"cc", "-O1", "-pthread", "-o", scratch.file("scheduler"), program("scheduler.c")});
  if (compiled.status != 0) AIOTRACE_SKIP("no C compiler: " + compiled.err);
  Target target(std::vector<std::string>{scratch.file("scheduler")}, {});
  const auto run = trace(target);
  CHECK(run.status == 0);
  CHECK_THAT(run.err, Catch::Matchers::ContainsSubstring("its threads take turns to poll one epoll"));
  REQUIRE(run.records.size() == 1);
  const auto& record = run.records.front();
  std::size_t sleeps = 0;
  for (const auto& stall : stalls_in(run.lines)) {
    INFO(stall.dump());
    // A worker that waits for a CPU has a stall, whatever the other one does.
    if (stall["tid"] != record["loop"]) {
      CHECK(cause_ns(stall, "cpu-wait") > 0);
      continue;
    }
    sleeps++;
    CHECK(cause_ns(stall, "sleep") >= record["sleep_ms"].get<double>() * 1e6);
  }
  CHECK(sleeps == record["sleeps"]);
  CHECK(run.lines.back()["taken_over"] >= 4);
  const auto& loops = run.lines.back()["loops"];
  const auto own = std::ranges::find_if(loops, [&](const Json& loop) { return loop["tid"] == record["loop"]; });
  REQUIRE(own != loops.end());
  CHECK((*own)["comm"] == "scheduler");
  for (const auto& loop : loops) CHECK((loop["tid"] == record["loop"] || loop["stalls"] != 0));
}

FOR_FEW_PYTHONS(foreign_thread, "a library's thread with a loop and without Python stalls, and nothing is lost",
                "[plain]") {
  const Scratch scratch;
  const auto library = scratch.file("libpolls.so");
  const auto compiled = run({"cc", "-O1", "-shared", "-fPIC", "-pthread", "-o", library, program("lib/polls.c")});
  if (compiled.status != 0) AIOTRACE_SKIP("no C compiler: " + compiled.err);
  Target target(python, "foreign_thread.py", {"--library", library});
  const auto run = trace(target);
  CHECK(run.status == 0);
  REQUIRE(run.records.size() == 1);
  const auto& record = run.records.front();
  std::size_t found = 0;
  for (const auto& stall : stalls_in(run.lines)) {
    INFO(stall.dump());
    if (stall["tid"] == target.pid()) continue;
    ++found;
    CHECK(stall["loop"]["kind"] == "other");
    CHECK(stall["task"].is_null());
    CHECK(cause_ns(stall, "sleep") >= record["spin_ms"].get<double>() * 1e6);
    CHECK(std::ranges::none_of(stall["segments"], [](const Json& segment) {
      return !segment["stack"].is_null() && segment["stack"].dump().find("\"python\"") != std::string::npos;
    }));
  }
  CHECK(found == record["stalls"]);
  CHECK(run.lines.back()["losses"]["thread-unknown"] == 0);
}

FOR_FEW_PYTHONS(own_loop, "a loop of its own make is none of asyncio's, though that is imported", "[plain]") {
  Target target(python, "own_loop.py");
  const auto run = trace(target);
  CHECK(run.err == "");
  CHECK(schema_complaints(run.lines) == std::vector<std::string>{});
  const auto stalls = stalls_in(run.lines);
  REQUIRE(run.records.size() == 3);
  CHECK(stalls.size() == 3);
  for (const auto& record : run.records) {
    const auto* stall = stall_of(record, stalls);
    REQUIRE(stall != nullptr);
    check_stall(record, *stall);
    CHECK((*stall)["loop"]["kind"] == "other");
  }
  CHECK(run.lines.back()["loops"][0]["kind"] == "other");
}

AIOTRACE_TEST_CASES(old_pythons) {
  for (const auto& python : older_pythons())
    add_test_case("Python " + python.title() + " is refused by name and traced as a plain loop", "[plain]", [python] {
      Target target(python, "any_version.py");
      const auto run = trace(target);
      // The name of its program or library contains no more.
      const auto known = python.version.substr(0, python.version.rfind('.'));
      check_plain(run, 3, known);
      REQUIRE(lines_of(run.err).size() == 1);
      CHECK_THAT(run.err, Catch::Matchers::ContainsSubstring(known));
      CHECK_THAT(run.err, Catch::Matchers::ContainsSubstring("without Python frames"));
    });
}

// Replaces this version in all groups of eight bytes by another one.
int rename_version(std::string& program, unsigned from, unsigned to) {
  int found = 0;
  const auto bytes = [](unsigned version) {
    std::string text(8, '\0');
    for (int i = 0; i < 4; ++i) text[static_cast<std::size_t>(i)] = static_cast<char>(version >> (8 * i) & 0xff);
    return text;
  };
  for (auto at = program.find(bytes(from)); at != std::string::npos; at = program.find(bytes(from), at + 8)) {
    program.replace(at, 8, bytes(to));
    ++found;
  }
  return found;
}

struct Program {
  std::string image;
  std::string home;
};

// One that holds its version itself, under another version; nothing if it is in a shared library.
std::optional<Program> renamed_program(const Python& python, unsigned version) {
  auto ask = python.command;
  ask.insert(ask.end(), {"-c",
                         "import os, sys; print(os.path.realpath(sys.executable)); print(sys.hexversion); "
                         "print(sys.base_prefix)"});
  const auto answers = lines_of(run(ask).out);
  REQUIRE(answers.size() == 3);
  auto image = slurp(answers[0]);
  if (rename_version(image, static_cast<unsigned>(std::stoul(answers[1])), version) == 0) return std::nullopt;
  return Program{std::move(image), answers[2]};
}

TEST_CASE("a Python from the future is refused by name and traced as a plain loop", "[plain]") {
  constexpr unsigned kFuture = 0x031307f0;  // 3.19.7
  std::optional<Program> found;
  for (const auto& python : pythons()) {
    if (!found && !python.command.empty() && !python.in_other_root() && python.minor() >= 11)
      found = renamed_program(python, kFuture);
  }
  if (!found) AIOTRACE_SKIP("no Python here that holds its version in its own program");
  const Scratch scratch;
  std::ofstream(scratch.file("python3.19"), std::ios::binary) << found->image;
  std::filesystem::permissions(scratch.file("python3.19"), std::filesystem::perms::owner_all);

  Target target({"env", "PYTHONHOME=" + found->home, scratch.file("python3.19"), program("any_version.py")}, {});
  const auto run = trace(target);
  check_plain(run, 3, "3.19.7");
  REQUIRE(lines_of(run.err).size() == 1);
  CHECK_THAT(run.err, Catch::Matchers::ContainsSubstring("CPython 3.19"));
  CHECK_THAT(run.err, Catch::Matchers::ContainsSubstring("without Python frames"));
}

}  // namespace
}  // namespace aiotrace::testing

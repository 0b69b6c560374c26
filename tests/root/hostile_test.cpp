// A hostile target: tests/programs/hostile.py. Whatever it does, aiotrace ends in time and by itself, stays small,
// opens no trap file, and no text of the target reaches a terminal uncleaned.
#include <algorithm>
#include <chrono>

#include "tests/catch.h"
#include "tests/support/sanitizers.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {
namespace {

constexpr long kMostKb = kSanitized ? 600'000 : 150'000;
constexpr std::chrono::seconds kMostTime{20};  // of a second that was asked for, on a busy machine

// ESC, BEL, and the single-byte forms of the C1 controls in UTF-8.
bool has_controls(const std::string& text) {
  if (text.contains("\xc2\x9b") || text.contains("\xe2\x80\xae")) return true;
  return std::ranges::any_of(text, [](char c) { return (c >= 0 && c < ' ' && c != '\n' && c != '\t') || c == 127; });
}

void check_survives(const Target& target, std::vector<std::string> arguments) {
  INFO("aiotrace " << arguments.front());
  arguments.insert(arguments.begin(), aiotrace_binary());
  arguments.insert(arguments.end(), {"-p", std::to_string(target.pid())});
  const auto begin = std::chrono::steady_clock::now();
  const auto outcome = run(arguments);
  INFO("it said " << outcome.err);
  CHECK(std::chrono::steady_clock::now() - begin < kMostTime);
  // 1 and 3: the target has ended meanwhile, or it does not look like a Python.
  CHECK((outcome.status == 0 || outcome.status == 1 || outcome.status == 3));
  CHECK((outcome.status == 0 || !outcome.err.empty()));
  CHECK(outcome.peak_kb < kMostKb);
  CHECK_FALSE(has_controls(outcome.out));
  CHECK_FALSE(has_controls(outcome.err));
}

}  // namespace

// The program's random writes may also end it.
FOR_FEW_PYTHONS(hostile, "a hostile target is survived", "[hostile]") {
  if (python.command.empty()) AIOTRACE_SKIP("Python " + python.version + ": " + python.origin);
  Target target(python, "hostile.py", {"--seconds", "4"});
  target.wait_ready();
  check_survives(target, {"-d", "1s", "--native"});
  check_survives(target, {"tasks"});
  check_survives(target, {"leaks"});
  check_survives(target, {"awaits", "-d", "500ms"});
  const int status = target.process().wait();
  if (status != 0) return;
  const auto records = target.records();
  REQUIRE(records.size() == 1);
  CHECK(records[0]["opened"] == Json::array());
}

TEST_CASE("a hostile target is survived by all commands", "[hostile]") {
  Target target(any_python(), "hostile.py", {"--seconds", "8", "--modes", "threads,forks,names,unlink,root"});
  target.wait_ready();
  check_survives(target, {"--follow", "-d", "1s"});
  check_survives(target, {"awaits", "--exact", "-d", "500ms"});
  check_survives(target, {"profile", "-d", "500ms"});
  check_survives(target, {"profile", "--mode", "wall", "-d", "500ms"});
  check_survives(target, {"doctor"});
  check_survives(target, {"--poll-probe", "uprobe", "-d", "500ms"});
  CHECK(target.process().wait() == 0);
  const auto records = target.records();
  REQUIRE(records.size() == 1);
  CHECK(records[0]["opened"] == Json::array());
}

}  // namespace aiotrace::testing

// uvloop: libuv polls, not asyncio.
#include "tests/catch.h"
#include "tests/support/match.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {
namespace {

constexpr const char* kFaults =
    "sleep:100,python:100,native:100,kernel:100,file:100,network:100,epoll:100,poll:100,process:100,lock:100,other:100,"
    "gil:100";

void skip_without_uvloop(const Python& python) {
  if (python.command.empty()) AIOTRACE_SKIP("an environment of Python " + python.version + ": " + python.origin);
  auto import = python.command;
  import.insert(import.end(), {"-c", "import uvloop"});
  if (run(import).status != 0) AIOTRACE_SKIP("the environment of Python " + python.version + " has no uvloop");
}

void check_uvloop(const Python& python, const std::string& probe) {
  skip_without_uvloop(python);
  Target target(python, "faults.py", {"--loop", "uvloop", "--faults", kFaults});
  const auto run = trace(target, {"--poll-probe", probe});
  CHECK(run.status == 0);
  CHECK(run.err == "");
  CHECK(schema_complaints(run.lines) == std::vector<std::string>{});
  check_stalls(run.records, run.lines);
  const auto stalls = stalls_in(run.lines);
  CHECK(stalls.size() == run.records.size());
  for (const auto& stall : stalls) CHECK(stall["loop"]["kind"] == "uvloop");
}

// uvloop is imported long after the first inspection of the process.
void check_started(const Python& python) {
  skip_without_uvloop(python);
  std::vector<std::string> command{aiotrace_binary(), "--json", "-", "--"};
  command.insert(command.end(), python.command.begin(), python.command.end());
  command.insert(command.end(), {program("faults.py"), "--loop", "uvloop", "--faults", "sleep:120"});
  const auto outcome = run(command);
  CHECK(outcome.status == 0);
  const auto lines = ndjson(outcome.out);
  const auto stalls = stalls_in(lines);
  CHECK(!stalls.empty());
  for (const auto& stall : stalls) CHECK(stall["loop"]["kind"] == "uvloop");
  REQUIRE(lines.back()["loops"].size() == 1);
  CHECK(lines.back()["loops"][0]["kind"] == "uvloop");
}

AIOTRACE_TEST_CASES(uvloop) {
  for (const auto& python : environments()) {
    add_test_case("uvloop in a program that aiotrace starts, on Python " + python.title(), "[uvloop]",
                  [&python] { check_started(python); });
    for (const char* probe : {"tracepoint", "uprobe"})
      add_test_case("uvloop's stalls are reported whole by " + std::string(probe) + " on Python " + python.title(),
                    "[uvloop]", [&python, probe] { check_uvloop(python, probe); });
  }
}

}  // namespace
}  // namespace aiotrace::testing

// Stalls inside greenlets: the frames of the greenlets' parents, and with them task and coroutine.
#include "tests/catch.h"
#include "tests/support/match.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {
namespace {

void check_greenlets(const Python& python, const std::string& loop) {
  if (python.command.empty()) AIOTRACE_SKIP("an environment of Python " + python.version + ": " + python.origin);
  auto import = python.command;
  import.insert(import.end(), {"-c", "import greenlet, " + loop});
  if (run(import).status != 0)
    AIOTRACE_SKIP("the environment of Python " + python.version + " has no greenlet or no " + loop);
  Target target(python, "greenlets.py", {"--loop", loop});
  const auto run = trace(target);
  CHECK(run.status == 0);
  CHECK(run.err == "");
  CHECK(run.records.size() == 8);
  check_stalls(run.records, run.lines);
  CHECK(stalls_in(run.lines).size() == run.records.size());
}

AIOTRACE_TEST_CASES(greenlets) {
  for (const auto& python : environments()) {
    for (const char* loop : {"asyncio", "uvloop"})
      add_test_case("stalls inside greenlets have the frames of their parents, " + std::string(loop) + " on Python " +
                        python.title(),
                    "[greenlet]", [&python, loop] { check_greenlets(python, loop); });
  }
}

}  // namespace
}  // namespace aiotrace::testing

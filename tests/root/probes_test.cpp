// The ways to see a poll: each must find the same stalls.
#include "tests/catch.h"
#include "tests/support/match.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {
namespace {

// Polls that are nested in a callback are the hard part: they must not end the iteration.
constexpr const char* kFaults = "sleep:60,python:100,epoll:60,poll:60,network:60,lock:60";

void check_probe(const Python& python, const std::string& probe) {
  if (python.command.empty()) AIOTRACE_SKIP("Python " + python.version + ": " + python.origin);
  Target target(python, "faults.py", {"--faults", kFaults, "--own-clock"});
  target.wait_ready();
  if (probe == "fentry") {
    const auto tried = run(
        {aiotrace_binary(), "-p", std::to_string(target.pid()), "--poll-probe", "fentry", "-d", "1ms"});
    if (tried.status == 3 && tried.err.find("refuses it") != std::string::npos)
      AIOTRACE_SKIP("this kernel grants no fentry");
  }
  Tracer tracer({"-p", std::to_string(target.pid()), "--poll-probe", probe, "-v"});
  tracer.wait_watching();
  target.go();
  target.process().wait();
  CHECK(tracer.wait() == 0);
  CHECK(tracer.err().find("polls are seen by " + probe) != std::string::npos);
  const auto lines = tracer.lines();
  CHECK(schema_complaints(lines) == std::vector<std::string>{});
  check_stalls(target.records(), lines);
  CHECK(stalls_in(lines).size() == 6);
}

AIOTRACE_TEST_CASES(probes) {
  for (const char* probe : {"tracepoint", "uprobe", "fentry"}) {
    for (const auto& python : few_pythons())
      add_test_case("polls seen by " + std::string(probe) + " give every stall on Python " + python.title(), "[probes]",
                    [&python, probe] { check_probe(python, probe); });
  }
}

}  // namespace
}  // namespace aiotrace::testing

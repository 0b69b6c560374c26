// Loops that are not asyncio's are named, and what cannot be answered of them ends with status 3.
#include "tests/catch.h"
#include "tests/support/match.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {
namespace {

Outcome run_on(const Target& target, std::vector<std::string> command) {
  command.insert(command.begin(), aiotrace_binary());
  command.insert(command.end(), {"-p", std::to_string(target.pid())});
  return run(command);
}

FOR_FEW_PYTHONS(other_loops, "loops of other libraries are named", "[tasks][leaks]") {
  if (python.command.empty()) AIOTRACE_SKIP("no Python " + python.version + ": " + python.origin);
  for (const char* library : {"trio", "curio", "gevent", "eventlet", "twisted"}) {
    Target target(python, "other_loops.py", {"--library", library});
    CHECK(target.line() == "waits");
    const std::string said = "this is " + std::string(library) + " 1.2.3: its tasks are not read";
    for (const std::vector<std::string>& command :
         std::vector<std::vector<std::string>>{{"tasks"}, {"hang"}, {"leaks"}, {"awaits", "-d", "1s"}}) {
      INFO(library << " " << command.front());
      const auto outcome = run_on(target, command);
      CHECK(outcome.status == 3);
      CHECK_THAT(outcome.err, Catch::Matchers::ContainsSubstring(said));
      CHECK(lines_of(outcome.err).size() == 1);
    }
    const auto doctor = run_on(target, {"doctor"});
    CHECK_THAT(doctor.out, Catch::Matchers::ContainsSubstring(said));
    target.go();
  }
}

TEST_CASE("a loop of another library beside asyncio's hides no task", "[tasks]") {
  Target target(any_python(), "other_loops.py", {"--library", "trio", "--imported-only"});
  CHECK(target.line() == "waits");
  const auto outcome = run_on(target, {"tasks"});
  CHECK(outcome.status == 0);
  CHECK_THAT(outcome.out, Catch::Matchers::ContainsSubstring("beside"));
}

}  // namespace
}  // namespace aiotrace::testing

// Tasks that somebody can wake are idle, tasks that nobody can wake are stuck, and undecidable tasks are counted.
#include <map>
#include <string>

#include "tests/catch.h"
#include "tests/support/match.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {
namespace {

using Counts = std::map<std::string, int>;  // by coroutine

void check_waiting(const Python& python, const std::vector<std::string>& arguments) {
  if (python.command.empty()) AIOTRACE_SKIP("no Python " + python.version + ": " + python.origin);
  Target target(python, "waiting.py", arguments);
  const auto said = Json::parse(target.line());
  const auto outcome = run({aiotrace_binary(), "leaks", "-p", std::to_string(target.pid()), "--age", "300ms",
                            "--fail-on-leak", "--json", "-"});
  CHECK(outcome.err == "");
  CHECK(outcome.status == 4);
  const auto lines = ndjson(outcome.out);
  CHECK(form_complaints(lines) == std::vector<std::string>{});
  Counts idle, stuck;
  for (const auto& line : lines) {
    if (line["type"] == "scan") CHECK(line["losses"]["not-judged"] == said["not judged"]);
    if (line["type"] != "leak") continue;
    INFO(line.dump());
    CHECK(line["class"] == "stuck");
    CHECK(line["status"] == (line["idle"] == true ? "candidate" : "leak"));
    (line["idle"] == true ? idle : stuck)[line["coroutine"]] += line["count"].get<int>();
  }
  CHECK(idle == said["idle"].get<Counts>());
  CHECK(stuck == said["stuck"].get<Counts>());
  target.go();
}

FOR_EACH_PYTHON(waiting, "who can be woken is idle, who cannot is stuck", "[leaks]") { check_waiting(python, {}); }

FOR_FEW_PYTHONS(waiting_connections, "thousands of idle connections are no leak", "[alone][leaks]") {
  check_waiting(python, {"--connections", "1000"});
}

AIOTRACE_TEST_CASES(waiting_uvloop) {
  for (const auto& python : environments()) {
    add_test_case("who can be woken is idle under uvloop on Python " + python.title(), "[leaks][uvloop]", [&python] {
      if (python.command.empty()) AIOTRACE_SKIP("an environment of Python " + python.version + ": " + python.origin);
      auto import = python.command;
      import.insert(import.end(), {"-c", "import uvloop"});
      if (run(import).status != 0) AIOTRACE_SKIP("the environment of Python " + python.version + " has no uvloop");
      check_waiting(python, {"--loop", "uvloop"});
    });
  }
}

}  // namespace
}  // namespace aiotrace::testing

// What anyio's own tasks wait for.
#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "tests/catch.h"
#include "tests/support/match.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {
namespace {

using Names = std::set<std::string>;

Names names_of(const Json& ids, const std::map<std::uint64_t, std::string>& tasks) {
  Names names;
  for (const auto& id : ids) names.insert(tasks.at(id));
  return names;
}

void check_tasks(const Target& target, const Json& said) {
  const auto outcome = run({aiotrace_binary(), "tasks", "-p", std::to_string(target.pid()), "--json", "-"});
  REQUIRE(outcome.status == 0);
  std::map<std::uint64_t, std::string> tasks;
  const auto lines = ndjson(outcome.out);
  for (const auto& line : lines) {
    if (line["type"] == "task") tasks.emplace(line["id"], line["name"]);
  }
  std::size_t parents = 0;
  for (const auto& line : lines) {
    if (line["type"] != "task" || !said.contains(line["name"].get<std::string>())) continue;
    INFO(line.dump());
    ++parents;
    CHECK(line["waits_for"]["kind"] == "task-group");
    CHECK(names_of(line["waits_for"]["tasks"], tasks) == said[line["name"].get<std::string>()].get<Names>());
  }
  CHECK(parents == said.size());
}

AIOTRACE_TEST_CASES(anyio_groups) {
  for (const auto& python : environments()) {
    add_test_case("anyio's task groups wait for their tasks on Python " + python.title(), "[tasks][leaks]", [&python] {
      if (python.command.empty()) AIOTRACE_SKIP("an environment of Python " + python.version + ": " + python.origin);
      auto import = python.command;
      import.insert(import.end(), {"-c", "import anyio"});
      if (run(import).status != 0) AIOTRACE_SKIP("the environment of Python " + python.version + " has no anyio");
      Target target(python, "anyio_groups.py");
      check_tasks(target, Json::parse(target.line()));
      const auto leaks = run({aiotrace_binary(), "leaks", "-p", std::to_string(target.pid()), "--age", "300ms",
                              "--fail-on-leak", "--json", "-"});
      CHECK(leaks.err == "");
      CHECK(leaks.status == 0);
      for (const auto& line : ndjson(leaks.out)) {
        INFO(line.dump());
        CHECK(line["type"] != "leak");
      }
      target.go();
    });
  }
}

}  // namespace
}  // namespace aiotrace::testing

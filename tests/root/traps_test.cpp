// Objects that look like leaks and are none: each has a coroutine with its own name, so that a false alarm shows which
// one it was.
#include <map>
#include <set>

#include "tests/catch.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {
namespace {

/// `aiotrace leaks` twice, --age apart: objects that still exist are reported as leaks.
std::vector<Json> look_twice(const Target& target) {
  const auto outcome = run({aiotrace_binary(), "leaks", "-p", std::to_string(target.pid()), "--age", "700ms",
                            "--fail-on-leak", "--json", "-"});
  CHECK(outcome.err == "");
  CHECK(outcome.status == 4);
  return ndjson(outcome.out);
}

void check_traps(const Python& python, const std::vector<std::string>& arguments) {
  if (python.command.empty()) AIOTRACE_SKIP("no Python " + python.version + ": " + python.origin);
  Target target(python, "traps.py", arguments);
  const auto said = Json::parse(target.line());
  REQUIRE(said["traps"].size() >= 30);
  const auto lines = look_twice(target);

  std::map<std::string, std::vector<Json>> rows;
  for (const auto& line : lines) {
    if (line["type"] != "leak") continue;
    const auto& name = line["coroutine"];
    // `Outer.<locals>.inner` and such are reported by their last name.
    const std::string full = name.is_null() ? "?" : name.get<std::string>();
    rows[full.substr(full.rfind('.') + 1)].push_back(line);
  }
  const auto idle = said["idle"].get<std::set<std::string>>();
  for (const std::string name : said["traps"]) {
    for (const auto& row : rows[name]) {
      INFO(row.dump());
      CHECK(row["status"] == "candidate");
      // A task that waits for another task's lock may be in the last scan: it was seen once, so nothing more is
      // reported.
      if (row["class"] == "stuck" && row["age_ns"].is_null()) continue;
      CHECK(idle.contains(name));
      CHECK(row["idle"] == true);
    }
    rows.erase(name);
  }
  // The real leaks are reported, and nothing else.
  for (const auto& [leak_class, names] : said["leaks"].items()) {
    for (const auto& [name, count] : names.items()) {
      REQUIRE(rows[name].size() == 1);
      CHECK(rows[name][0]["class"] == leak_class);
      CHECK(rows[name][0]["count"] == count);
      CHECK(rows[name][0]["status"] == "leak");
      CHECK(rows[name][0]["holder"] ==
            Json{{"kind", "variable"}, {"container", "list"}, {"name", "kept"}, {"owner", "__main__"}});
      rows.erase(name);
    }
  }
  for (const auto& [name, found] : rows) {
    for (const auto& row : found) {
      INFO(row.dump());
      CHECK(row["status"] == "candidate");
    }
  }
}

FOR_EACH_PYTHON(traps_idle, "what looks like a leak and is none", "[leaks][traps]") { check_traps(python, {}); }

AIOTRACE_TEST_CASES(traps_uvloop) {
  for (const auto& python : environments()) {
    add_test_case("what looks like a leak under uvloop and is none on Python " + python.title(),
                  "[leaks][traps][uvloop]", [&python] {
                    if (python.command.empty())
                      AIOTRACE_SKIP("an environment of Python " + python.version + ": " + python.origin);
                    auto import = python.command;
                    import.insert(import.end(), {"-c", "import uvloop"});
                    if (run(import).status != 0)
                      AIOTRACE_SKIP("the environment of Python " + python.version + " has no uvloop");
                    check_traps(python, {"--loop", "uvloop"});
                  });
  }
}

}  // namespace
}  // namespace aiotrace::testing

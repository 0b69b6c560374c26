// Tasks of classes that are not asyncio.Task itself, and packages with the names of asyncio's: compares the results of
// `tasks` and `leaks` with the program's own account.
#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/catch.h"
#include "tests/support/match.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {
namespace {

std::vector<Json> rows_of(const std::string& command, const Target& target, const std::string& type,
                          std::vector<std::string> more = {}) {
  std::vector<std::string> words{aiotrace_binary(), command, "-p", std::to_string(target.pid()), "--json", "-"};
  words.insert(words.end(), more.begin(), more.end());
  const auto outcome = run(words);
  CHECK(outcome.err == "");
  REQUIRE(outcome.status == 0);
  auto rows = ndjson(outcome.out);
  std::erase_if(rows, [&](const Json& row) { return row["type"] != type; });
  return rows;
}

void compare_tasks(const Json& said, const Target& target) {
  std::map<std::string, Json> rows;
  std::map<std::uint64_t, std::string> names;
  for (const auto& row : rows_of("tasks", target, "task")) {
    rows[row["name"]] = row;
    names[row["id"]] = row["name"];
  }
  std::vector<std::string> found;
  for (const auto& [name, row] : rows) found.push_back(name);
  CHECK(Json(found) == said["tasks"]);
  for (const auto& name : said["stuck"]) {
    REQUIRE(rows.contains(name));
    const Json& row = rows.at(name);
    CHECK(row["waits_for"]["kind"] == "future");
    CHECK(row["coroutine"] == "waits");
    CHECK(row["stack_cut"] == false);
  }
  CHECK(rows.at("sleeps")["waits_for"]["kind"] == "sleep");
  CHECK(rows.at("sleeps")["waits_for"]["left_ns"].is_number());
  std::vector<std::string> waited;
  for (const auto& id : rows.at("parent")["waits_for"]["tasks"]) waited.push_back(names.at(id));
  std::ranges::sort(waited);
  CHECK(Json(waited) == said["parent"]);
}

// Only objects that wait for nobody are suspects, and each of them is reported as a task.
void compare_leaks(const Json& said, const Target& target) {
  std::uint64_t stuck = 0;
  for (const auto& row : rows_of("leaks", target, "leak")) {
    INFO(row.dump());
    CHECK(row["class"] == "stuck");
    CHECK(row["coroutine"] == "waits");
    stuck += row["count"].get<std::uint64_t>();
  }
  CHECK(stuck == said["stuck"].size());
}

void compare_classes(const Python& python, const std::string& mode) {
  if (python.command.empty()) AIOTRACE_SKIP("no Python " + python.version + ": " + python.origin);
  Target target(python, "python_tasks.py", {"--mode", mode});
  const Json said = Json::parse(target.line());
  compare_tasks(said, target);
  compare_leaks(said, target);
}

FOR_EACH_PYTHON(classes_custom, "tasks of a class below Python's Task are tasks", "[tasks][leaks]") {
  compare_classes(python, "custom");
}
FOR_EACH_PYTHON(classes_mixin, "tasks whose first base is no task are tasks", "[tasks][leaks]") {
  compare_classes(python, "mixin");
}
FOR_EACH_PYTHON(classes_slots, "tasks of a class below C's Task are tasks", "[tasks][leaks]") {
  compare_classes(python, "slots");
}
FOR_EACH_PYTHON(classes_factory, "tasks that a factory makes of Python's class are tasks", "[tasks][leaks]") {
  compare_classes(python, "factory");
}
FOR_EACH_PYTHON(classes_patched, "tasks of an asyncio patched for nested loops are tasks", "[tasks][leaks]") {
  compare_classes(python, "patched");
}
FOR_EACH_PYTHON(classes_loop, "tasks of a loop with classes of its own are tasks", "[tasks][leaks]") {
  compare_classes(python, "loop");
}

void compare_packages(const Python& python, const std::string& mode) {
  if (python.command.empty()) AIOTRACE_SKIP("no Python " + python.version + ": " + python.origin);
  Target target(python, "own_packages.py", {"--mode", mode});
  const Json said = Json::parse(target.line());
  REQUIRE(!said.empty());
  std::map<std::string, Json> rows;
  for (const auto& row : rows_of("tasks", target, "task")) rows[row["name"]] = row;
  for (const auto& task : said) {
    INFO(task.dump());
    REQUIRE(rows.contains(task["name"]));
    const Json& row = rows.at(task["name"]);
    CHECK(row["waits_for"]["kind"] == task["waits_for"][0]);
    CHECK(row["waits_for"]["call"] == task["waits_for"][1]);
  }
}

FOR_FEW_PYTHONS(packages_plain, "a package named asyncio is the program's own", "[tasks]") {
  compare_packages(python, "plain");
}
FOR_FEW_PYTHONS(packages_site, "an installed package with a folder named asyncio is no asyncio", "[tasks]") {
  compare_packages(python, "site");
}
FOR_FEW_PYTHONS(packages_inner, "a folder named like the standard library's is not it", "[tasks]") {
  compare_packages(python, "inner");
}
FOR_FEW_PYTHONS(packages_zip, "a package named asyncio in an archive is the program's own", "[tasks]") {
  compare_packages(python, "zip");
}
FOR_EACH_PYTHON(packages_relative, "asyncio with relative paths is asyncio", "[tasks]") {
  compare_packages(python, "relative");
}

}  // namespace
}  // namespace aiotrace::testing

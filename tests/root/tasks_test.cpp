// aiotrace tasks, compared with asyncio's own account of the same tasks at the same moment.
#include <algorithm>
#include <cstdint>
#include <map>
#include <set>

#include "tests/catch.h"
#include "tests/support/match.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {
namespace {

struct Listed {
  Json said;                           ///< the target's own account
  std::map<std::uint64_t, Json> rows;  ///< by id
  Json summary;
  std::map<std::uint64_t, std::string> names;
};

std::vector<std::string> tasks_command(pid_t pid, const std::vector<std::string>& more) {
  std::vector<std::string> command{aiotrace_binary(), "tasks", "-p", std::to_string(pid)};
  command.insert(command.end(), more.begin(), more.end());
  return command;
}

Listed list_tasks(Target& target) {
  Listed listed;
  listed.said = Json::parse(target.line());
  const auto outcome = run(tasks_command(target.pid(), {"--json", "-"}));
  CHECK(outcome.err == "");
  REQUIRE(outcome.status == 0);
  auto lines = ndjson(outcome.out);
  CHECK(form_complaints(lines) == std::vector<std::string>{});
  REQUIRE(!lines.empty());
  listed.summary = lines.back();
  CHECK(listed.summary["type"] == "summary");
  lines.pop_back();
  for (const auto& line : lines) {
    CHECK(line["type"] == "task");
    CHECK(line["pid"] == target.pid());
    listed.names[line["id"]] = line["name"];
    listed.rows[line["id"]] = line;
  }
  return listed;
}

// The target has the chain root first and cannot look behind asend().
void check_chain(const Json& row, const Json& said) {
  Json found = Json::array();
  for (const auto& frame : row["stack"])
    found.insert(found.begin(), Json::array({frame["function"], frame["file"], frame["line"]}));
  if (!said["whole"].get<bool>()) {
    REQUIRE(found.size() > said["chain"].size());
    found.erase(found.begin() + static_cast<std::ptrdiff_t>(said["chain"].size()), found.end());
  }
  CHECK(found == said["chain"]);
  CHECK(row["stack_cut"] == false);
}

void check_task(const Listed& listed, const Json& said) {
  INFO(said["name"].dump());
  REQUIRE(listed.rows.contains(said["id"]));
  const Json& row = listed.rows.at(said["id"]);
  for (const char* field : {"name", "coroutine", "file", "line"}) CHECK(row[field] == said[field]);
  CHECK(row["tid"] == listed.said["thread"]);
  CHECK(row["age_ns"] == nullptr);
  if (said["running"].get<bool>()) {
    CHECK(row["state"] == "running");
    CHECK(row["waits_for"] == nullptr);
    REQUIRE(row["stack"].size() == 2);
    CHECK(row["stack"][0]["function"] == "blocks");
    CHECK(row["stack"].back()["function"] == said["chain"][0][0]);
  } else {
    CHECK(row["state"] == "pending");
    check_chain(row, said);
  }
  if (!said["expected"].is_null()) CHECK(row["waits_for"]["kind"] == said["expected"]);
  if (said["expected"] == "sleep") {
    REQUIRE(row["waits_for"]["left_ns"].is_number());
    const double left = row["waits_for"]["left_ns"].get<double>() / 1e9;
    const double waiting = row["waits_for"]["waiting_ns"].get<double>() / 1e9;
    CHECK(left + waiting >= 999.9);
    CHECK(waiting < 300);
    CHECK(row["age_at_least_ns"] == row["waits_for"]["waiting_ns"]);
  }
  if (said["awaited_by"].is_null()) return;
  std::vector<std::string> by;
  for (const auto& id : row["awaited_by"]) by.push_back(listed.names.at(id));
  std::ranges::sort(by);
  CHECK(Json(by) == said["awaited_by"]);
}

void check_all(const Listed& listed) {
  CHECK(listed.rows.size() == listed.said["tasks"].size());
  CHECK(listed.said["tasks"].size() >= 33);
  for (const auto& said : listed.said["tasks"]) check_task(listed, said);
  CHECK(listed.summary["tasks"] == listed.rows.size());
  CHECK(listed.summary["shown"] == listed.rows.size());
  for (const auto& [name, count] : listed.summary["losses"].items()) CHECK(count == 0);
  REQUIRE(listed.summary["loops"].size() == 1);
  const Json& loop = listed.summary["loops"][0];
  CHECK(loop["thread"] == "MainThread");
  CHECK(loop["tasks"] == listed.rows.size());
  for (const char* queue : {"ready", "scheduled"}) {
    if (!listed.said[queue].is_null()) CHECK(loop[queue] == listed.said[queue]);
  }
}

void compare(const Python& python, const std::vector<std::string>& arguments) {
  if (python.command.empty()) AIOTRACE_SKIP("no Python " + python.version + ": " + python.origin);
  Target target(python, "task_kinds.py", arguments);
  check_all(list_tasks(target));
}

FOR_EACH_PYTHON(tasks_idle, "every task is listed as asyncio has it", "[tasks]") { compare(python, {}); }

FOR_EACH_PYTHON(tasks_running, "the running task and one not yet started are listed", "[tasks]") {
  compare(python, {"--mode", "running"});
}

FOR_EACH_PYTHON(tasks_in_python, "tasks and futures written in Python are listed like C's", "[tasks]") {
  compare(python, {"--python-tasks"});
}

void compare_uvloop(const Python& python, const std::string& mode) {
  if (python.command.empty()) AIOTRACE_SKIP("an environment of Python " + python.version + ": " + python.origin);
  auto import = python.command;
  import.insert(import.end(), {"-c", "import uvloop"});
  if (run(import).status != 0) AIOTRACE_SKIP("the environment of Python " + python.version + " has no uvloop");
  Target target(python, "task_kinds.py", {"--loop", "uvloop", "--mode", mode});
  const auto listed = list_tasks(target);
  check_all(listed);
  CHECK(listed.summary["loops"][0]["kind"] == "uvloop");
  CHECK(listed.summary["loops"][0]["ready"].is_number());
  CHECK(listed.summary["loops"][0]["scheduled"].is_number());
}

AIOTRACE_TEST_CASES(tasks_uvloop) {
  for (const auto& python : environments()) {
    for (const char* mode : {"idle", "running"})
      add_test_case("uvloop's tasks are listed, " + std::string(mode) + ", Python " + python.title(), "[tasks][uvloop]",
                    [&python, mode] { compare_uvloop(python, mode); });
  }
}

TEST_CASE("tasks: table, tree, stacks and filters", "[tasks]") {
  Target target(any_python(), "task_kinds.py");
  const Json said = Json::parse(target.line());
  using Catch::Matchers::ContainsSubstring;
  const auto shown = [&](const std::vector<std::string>& more) {
    auto outcome = run(tasks_command(target.pid(), more));
    CHECK(outcome.err == "");
    CHECK(outcome.status == 0);
    return outcome.out;
  };
  const auto table = shown({});
  CHECK_THAT(table, ContainsSubstring("AWAITED BY"));
  CHECK_THAT(table, ContainsSubstring("\\x1b[31mödd \\u202e"));
  CHECK(table.find('\x1b') == std::string::npos);
  CHECK(lines_of(table).size() == said["tasks"].size() + 3);

  const auto tree = shown({"--tree"});
  CHECK_THAT(tree, ContainsSubstring("└─ leaf"));
  CHECK_THAT(tree, ContainsSubstring("├─ child-0"));
  CHECK_THAT(tree, ContainsSubstring("ring-a  (cycle: awaited by the one above)"));

  const auto stacks = shown({"--stacks", "--name", "sleep-0"});
  CHECK_THAT(stacks, ContainsSubstring("sleeps") && ContainsSubstring("inner") && ContainsSubstring("sleep"));
  CHECK_THAT(stacks, ContainsSubstring("1 shown of"));
  CHECK_THAT(stacks, !ContainsSubstring("sleep-1"));
  const auto filtered = ndjson(shown({"--coroutine", "Service.", "--json", "-"}));
  REQUIRE(filtered.size() == 3);
  CHECK(filtered[0]["name"] == "sleep-0");
  CHECK(filtered[1]["name"] == "sleep-1");
}

TEST_CASE("tasks: what cannot be looked at is said", "[tasks]") {
  const auto none = run({aiotrace_binary(), "tasks"});
  CHECK(none.status == 2);
  CHECK_THAT(none.err, Catch::Matchers::ContainsSubstring("give -p PID"));
  const auto gone = run(tasks_command(2'000'000'000, {}));
  CHECK(gone.status == 1);
  const auto help = run({aiotrace_binary(), "tasks", "--help"});
  CHECK(help.status == 0);
  CHECK_THAT(help.out, Catch::Matchers::ContainsSubstring("--tree"));
  Process no_python({"/bin/sleep", "1000"});
  const auto other = run(tasks_command(no_python.pid(), {}));
  CHECK(other.status == 3);
  CHECK(lines_of(other.err).size() == 1);
}

}  // namespace
}  // namespace aiotrace::testing

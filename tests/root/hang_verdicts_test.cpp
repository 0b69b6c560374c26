// Verdicts of aiotrace hang on locks without a holder, cancelled tasks and pipes, against what the program wrote down.
#include <sys/syscall.h>

#include <algorithm>
#include <cstdint>
#include <set>

#include "tests/support/hung.h"

namespace aiotrace::testing {
namespace {

std::set<std::string> names_of(const Json& parties) {
  std::set<std::string> names;
  for (const auto& party : parties) names.insert(party["name"].get<std::string>());
  return names;
}

std::uint64_t count_of(const Json& parties) {
  std::uint64_t sum = 0;
  for (const auto& party : parties) sum += party["count"].get<std::uint64_t>();
  return sum;
}

const Json* of_resource(const Hung& hung, const std::string& name) {
  const auto found = std::ranges::find_if(hung.hangs,
                                          [&](const Json& each) { return each["resource"]["name"] == name; });
  return found == hung.hangs.end() ? nullptr : &*found;
}

void check_locks(const Hung& hung, const Json& said) {
  std::size_t abandoned = 0;
  for (const auto& hang : hung.hangs) abandoned += hang["verdict"] == "abandoned" ? 1 : 0;
  CHECK(abandoned <= said["abandoned"].size());
  std::size_t found = 0;
  for (const auto& [lock, waiters] : said["abandoned"].items()) {
    INFO(lock);
    const auto* hang = of_resource(hung, "__main__." + lock);
    REQUIRE(hang != nullptr);
    CHECK(count_of((*hang)["waiters"]) == waiters.size());
    if ((*hang)["verdict"] != "abandoned") continue;
    CHECK((*hang)["exact"] == false);  // concluded, not proved
    CHECK((*hang)["holders"].empty());
    found++;
  }
  // Of four locks it is asked at most, those for which most wait.
  CHECK(found >= std::min<std::size_t>(1, said["abandoned"].size()));
  for (const auto& [lock, its] : said["held"].items()) {
    INFO(lock);
    const auto* hang = of_resource(hung, "__main__." + lock);
    REQUIRE(hang != nullptr);
    CHECK((*hang)["verdict"] != "abandoned");
    if ((*hang)["holders"].empty()) continue;
    CHECK((*hang)["holders"][0]["name"] == its["holder"]);
    CHECK((*hang)["holders"][0]["how"] == "refers");
  }
  for (const auto& lock : said["apart"]) {
    const auto* hang = of_resource(hung, lock);
    REQUIRE(hang != nullptr);
    CHECK((*hang)["verdict"] != "abandoned");
  }
}

// Before 3.11 nothing is written down of a cancellation.
void check_cancelled(const Hung& hung, const Json& said, bool readable) {
  std::set<std::string> found, expected;
  for (const auto& hang : hung.hangs) {
    if (hang["verdict"] != "cancel-ignored") continue;
    INFO(hang.dump());
    REQUIRE(hang["holders"].size() == 1);
    const std::string name = hang["holders"][0]["name"];
    found.insert(name);
    CHECK(hang["exact"] == true);
    REQUIRE(said["ignored"].contains(name));
    CHECK(hang["resource"]["name"] == name);
    CHECK(count_of(hang["waiters"]) == said["ignored"][name].size());
  }
  for (const auto& [name, waiters] : said["ignored"].items()) expected.insert(name);
  CHECK(found == (readable ? expected : std::set<std::string>{}));
}

FOR_EACH_PYTHON(hang_verdicts, "hang: abandoned locks and ignored cancellations are those that the program wrote down",
                "[hangs]") {
  if (python.command.empty()) AIOTRACE_SKIP("no Python " + python.version + ": " + python.origin);
  for (const char* seed : {"1", "2", "3", "4"}) {
    INFO("seed " << seed);
    Target target(python, "hang_verdicts.py", {"--seed", seed});
    target.wait_ready();
    const auto said = Json::parse(target.line());
    // What is only concluded, or may end in its own time, does not fail a test.
    const auto hung = hang_command(target.pid(), {"--fail-on-hang"});
    INFO(said.dump());
    CHECK(hung.status == 0);
    check_locks(hung, said);
    check_cancelled(hung, said, python.minor() >= 11);
  }
}

AIOTRACE_TEST_CASES(hang_pipes) {
  for (const std::string way : {"child", "shell", "task", "read"})
    add_test_case("hang: a child and its parent wait for each other at a pipe: " + way, "[hangs]", [way] {
      Target target(any_python(), "hang_verdicts.py", {"--pipe", way, "--write-call", std::to_string(SYS_write)});
      target.wait_ready();
      const auto said = Json::parse(target.line());
      const auto waits = [&] {
        const std::string call = slurp("/proc/" + std::to_string(target.pid()) + "/syscall");
        return call.starts_with(std::to_string(way == "task" ? SYS_epoll_wait : SYS_wait4) + " ");
      };
      while (!waits()) REQUIRE(!target.process().ended());
      const auto hung = hang_command(target.pid());
      const auto at_pipe = std::ranges::find_if(hung.hangs, [](const Json& each) { return each["verdict"] == "pipe"; });
      // Who reads now and then may come back to it.
      REQUIRE((at_pipe != hung.hangs.end()) == (way != "read"));
      if (way == "read") return;
      const std::string name = (*at_pipe)["resource"]["name"];
      CHECK((*at_pipe)["resource"]["kind"] == "pipe");
      CHECK(name.contains("from process " + std::to_string(said["writer"].get<int>())));
      CHECK((*at_pipe)["exact"] == (way != "task"));
      REQUIRE((*at_pipe)["waiters"].size() == 1);
      CHECK((*at_pipe)["waiters"][0]["kind"] == (way == "task" ? "task" : "thread"));
    });
}

void check_pool(const Json& hang, const std::string& name, const Json& its) {
  INFO(name << " " << hang.dump());
  const Json& resource = hang["resource"];
  CHECK(resource["kind"] == "pool");
  CHECK(resource["class"] == its["class"]);
  CHECK(resource["capacity"] == its["capacity"]);
  CHECK(resource["out"] == its["capacity"]);
  CHECK(hang["verdict"] == (its["ring"] == true ? "deadlock" : "exhausted"));
  CHECK(hang["exact"] == false);
  CHECK(names_of(hang["holders"]) == its["holders"].get<std::set<std::string>>());
  const std::size_t waiting = its["waiters"].size() + (its["ring"] == true ? its["holders"].size() : 0);
  CHECK(resource["waiting"] == waiting);
}

FOR_EACH_PYTHON(hang_pools, "hang: pools of libraries, their capacity and who has their connections", "[hangs]") {
  if (python.command.empty()) AIOTRACE_SKIP("no Python " + python.version + ": " + python.origin);
  for (const bool ring : {false, true}) {
    Target target(python, "hang_pools.py", ring ? std::vector<std::string>{"--ring"} : std::vector<std::string>{});
    target.wait_ready();
    const auto said = Json::parse(target.line());
    const auto hung = hang_command(target.pid(), {"--fail-on-hang"});
    CHECK(hung.status == 0);
    for (const auto& [name, its] : said.items()) {
      const auto* hang = of_resource(hung, "__main__." + name);
      INFO(name);
      REQUIRE(hang != nullptr);
      check_pool(*hang, name, its);
    }
  }
}

FOR_FEW_PYTHONS(hang_pools_moving, "hang: a pool at its limit that moves has no verdict", "[hangs]") {
  if (python.command.empty()) AIOTRACE_SKIP("no Python " + python.version + ": " + python.origin);
  Target target(python, "hang_pools.py", {"--moves"});
  target.wait_ready();
  const auto hung = hang_command(target.pid(), {"--watch=100ms", "-d", "2s"});
  CHECK(hung.summary["looks"] >= 3);
  for (const auto& hang : hung.hangs) {
    INFO(hang.dump());
    CHECK((hang["verdict"] == "exhausted" || hang["verdict"] == "waiting" || hang["verdict"] == "held"));
  }
}

}  // namespace
}  // namespace aiotrace::testing

// Masters and the processes that they fork: --follow, and the message without it.
#include <sched.h>

#include <algorithm>
#include <array>
#include <set>

#include "proc/descendants.h"
#include "proc/process.h"
#include "tests/catch.h"
#include "tests/support/match.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {
namespace {

std::vector<Json> records_of(const Target& target, int workers) {
  std::vector<Json> all;
  for (int i = 0; i < workers; ++i) {
    const auto own = target.records("." + std::to_string(i));
    all.insert(all.end(), own.begin(), own.end());
  }
  return all;
}

std::set<int> pids_of(const std::vector<Json>& rows) {
  std::set<int> pids;
  for (const auto& row : rows) pids.insert(row["pid"].get<int>());
  return pids;
}

FOR_FEW_PYTHONS(followed_workers, "--follow: workers that a master has forked before the attach, and later ones",
                "[follow]") {
  Target target(python, "workers.py", {"--workers", "2", "--later", "1"});
  const auto run = trace(target, {"--follow"});
  CHECK(run.status == 0);
  CHECK(run.err == "");
  CHECK(schema_complaints(run.lines) == std::vector<std::string>{});
  const auto records = records_of(target, 3);
  REQUIRE(records.size() == 6);
  check_stalls(records, run.lines);
  CHECK(pids_of(stalls_in(run.lines)) == pids_of(records));
  // The processes at the attach are announced: the master and its two workers.
  auto announced = pids_of(run.lines.front()["targets"]);
  CHECK(announced.size() == 3);
  CHECK(announced.contains(target.pid()));
}

// 'S': a worker that has waited for a CPU since its start is inside an iteration, which is no error.
bool all_sleep(const std::vector<pid_t>& pids) {
  return std::ranges::all_of(pids, [](pid_t pid) {
    const auto stat = proc::parse_stat(slurp("/proc/" + std::to_string(pid) + "/stat"));
    return stat && stat->state == 'S';
  });
}

// Found in their poll, or just woken from it: their time before the attach is no iteration.
TEST_CASE("processes that are idle at the attach have no stall that began before it", "[alone][follow]") {
  Target target(any_python(), "many_processes.py", {"--count", "40", "--tick", "200"});
  target.wait_ready();
  const auto children = proc::descendants(std::array{target.pid()});
  REQUIRE(children.size() == 40);
  for (int i = 0; i < 5; ++i) {
    while (!all_sleep(children)) sched_yield();
    Tracer tracer({"-p", std::to_string(target.pid()), "--follow", "-d", "400ms"});
    CHECK(tracer.wait() == 0);
    const auto lines = tracer.lines();
    CHECK(lines.back()["loops"].size() == 40);
    for (const auto& line : lines) {
      INFO(line.dump());
      CHECK((line["type"] != "stall" || line["at_least"] == false));
    }
  }
}

TEST_CASE("a master without --follow: how many of its children have loops, and what to type", "[follow]") {
  Target target(any_python(), "workers.py", {"--workers", "3"});
  target.wait_ready();
  // They end after go, so they are counted before.
  Tracer tracer({"-p", std::to_string(target.pid()), "-d", "300ms"});
  CHECK(tracer.wait() == 1);
  target.go();
  CHECK(target.process().wait() == 0);
  const auto said = lines_of(tracer.err());
  REQUIRE_FALSE(said.empty());
  CHECK_THAT(said.front(), Catch::Matchers::ContainsSubstring("3 child processes with event loops"));
  CHECK_THAT(said.front(), Catch::Matchers::ContainsSubstring("--follow"));
}

}  // namespace
}  // namespace aiotrace::testing

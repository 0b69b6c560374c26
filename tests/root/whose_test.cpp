// The owner of the work: the eager task, not its creator; the thread that computes while another thread collects
// garbage.
#include <algorithm>
#include <iterator>

#include "tests/catch.h"
#include "tests/support/match.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {
namespace {

std::vector<Python> where(bool (*holds)(const Python&)) {
  std::vector<Python> some;
  std::ranges::copy_if(pythons(), std::back_inserter(some), holds);
  return some;
}

void check_eager_part(const Python& python) {
  Target target(python, "eager.py");
  const auto run = trace(target, {"--warn", "40ms"});
  REQUIRE(run.records.size() == 4);
  std::vector<std::string> tasks;
  for (const auto& record : run.records) {
    const auto stalls = stalls_in(run.lines);
    const auto* stall = stall_of(record, stalls);
    REQUIRE(stall != nullptr);
    INFO(record.dump());
    INFO(stall->dump());
    CHECK((*stall)["task"]["name"] == record["task"]);
    CHECK((*stall)["task"]["coroutine"] == record["coroutine"]);
    tasks.push_back((*stall)["task"]["name"].get<std::string>());
  }
  CHECK(tasks == std::vector<std::string>{"outer", "inner", "inner", "outer"});
}

void check_beside_collection(const Python& python) {
  Target target(python, "finalizers.py");
  const auto run = trace(target, {"--warn", "20ms"});
  REQUIRE(run.records.size() == 4);
  double computed = 0;
  double collected = 0;
  for (const auto& record : run.records) {
    const auto stalls = stalls_in(run.lines);
    const auto* stall = stall_of(record, stalls);
    REQUIRE(stall != nullptr);
    computed += cause_ns(*stall, "python");
    collected += cause_ns(*stall, "gc");
  }
  CHECK(computed > 0);
  // A collection that began since the last look counts as the thread's own until the thread is seen to continue.
  CHECK(collected <= 0.25 * computed);
}

AIOTRACE_TEST_CASES(whose) {
  static const auto with_eager_tasks = where([](const Python& python) { return python.minor() >= 12; });
  add_for_pythons(with_eager_tasks, "what a task does in its eager part is its own", "[task]", check_eager_part);
  // Without a GIL a collection stops all the others.
  static const auto with_gil = where([](const Python& python) { return python.has_gil(); });
  add_for_pythons(with_gil, "a thread that computes while another one collects does not collect", "[gc]",
                  check_beside_collection);
}

}  // namespace
}  // namespace aiotrace::testing

#include "model/task_shares.h"

#include "tests/catch.h"

using namespace aiotrace::model;

namespace {

TaskSeen task(std::uint64_t address) {
  TaskSeen seen;
  seen.task = address;
  return seen;
}

}  // namespace

TEST_CASE("a task without any share is not named", "[model]") {
  TaskShares shares;
  CHECK(shares.largest(100) == nullptr);
  shares.begin(task(1));
  CHECK(shares.largest(100) == nullptr);
  shares.add_sample(1, true);
  CHECK(shares.largest(0) == nullptr);
  REQUIRE(shares.largest(100) != nullptr);
  CHECK(shares.largest(100)->task == 1);
  shares.clear();
  CHECK(shares.largest(100) == nullptr);
}

TEST_CASE("what claims a task before any was reported belongs to none", "[model]") {
  TaskShares shares;
  shares.add_off_cpu(Cause::sleep, 50, true);
  shares.begin(task(1));
  shares.add_off_cpu(Cause::sleep, 40, true);
  CHECK(shares.largest(0) == nullptr);
  shares.add_off_cpu(Cause::sleep, 10, true);
  CHECK(shares.largest(0)->task == 1);
}

TEST_CASE("more tasks than are kept do not displace the one with the largest share", "[model]") {
  TaskShares shares;
  shares.begin(task(1));
  shares.add_off_cpu(Cause::file, 1'000'000'000, true);
  for (std::uint64_t i = 2; i < 3'000; ++i) {
    shares.begin(task(i));
    shares.add_off_cpu(Cause::file, i, true);
  }
  CHECK(shares.largest(0)->task == 1);
}

#include "probe/seeds.h"

#include "abi/records.h"
#include "abi/thread.h"
#include "tests/catch.h"

using namespace aiotrace::probe;

namespace {

constexpr ThreadSeed::Waiting kRecv{.cause = aiotrace::model::Cause::network,
                                    .syscall = 45,
                                    .args = {7, 8, 9, 10},
                                    .stack_id = 77,
                                    .has_task = true,
                                    .since_ns = 1200};

bool has_args(const loop_thread& thread) {
  return thread.wait.args[0] == 7 && thread.wait.args[1] == 8 && thread.wait.args[2] == 9 && thread.wait.args[3] == 10;
}

}  // namespace

TEST_CASE("a loop thread that is in its poll, runs or waits when aiotrace comes", "[probe]") {
  const auto polls = thread_of(ThreadSeed{.pid = 1, .tid = 2, .epfd = 5, .python = true, .began_ns = 0, .waiting = {}});
  CHECK(polls.pid == 1);
  CHECK(polls.tid == 2);
  CHECK(polls.epfd == 5);
  CHECK(polls.kind == LOOP_PYTHON);
  CHECK(polls.off == OFF_IN_POLL);

  const auto runs = thread_of(
      ThreadSeed{.pid = 1, .tid = 2, .epfd = -1, .python = false, .began_ns = 1000, .seen_ns = 1500, .waiting = {}});
  CHECK(runs.kind == LOOP_PLAIN);
  CHECK(runs.return_ns == 1000);
  CHECK(runs.open_start == 1);
  CHECK(runs.off == OFF_NOT);

  CHECK(runs.causes[CAUSE_UNKNOWN].ns == 500);
  CHECK(runs.causes[CAUSE_UNKNOWN].count == 1);
  CHECK(runs.away_ns == 500);
  CHECK(runs.dirty == 1);
  CHECK(runs.found_ready == 1);
  CHECK(polls.found_ready == 0);
  CHECK(polls.causes[CAUSE_UNKNOWN].ns == 0);

  const auto seen_whole = thread_of(
      ThreadSeed{.pid = 1, .tid = 2, .epfd = -1, .python = true, .began_ns = 1000, .seen_ns = 1000, .waiting = {}});
  CHECK(seen_whole.causes[CAUSE_UNKNOWN].ns == 0);
  CHECK(seen_whole.causes[CAUSE_UNKNOWN].count == 0);

  const auto waits = thread_of(
      ThreadSeed{.pid = 1, .tid = 2, .epfd = -1, .python = true, .began_ns = 1000, .seen_ns = 1500, .waiting = kRecv});
  CHECK(waits.off == OFF_BLOCKED);
  CHECK(waits.off_ns == 1200);
  CHECK(waits.return_ns == 1000);
  CHECK(waits.causes[CAUSE_UNKNOWN].ns == 200);
  CHECK(waits.away_ns == 200);
  CHECK(waits.unseen_ns == 500);
  CHECK(waits.found_ready == 0);
  CHECK(waits.awaits_wakeup == 1);
  CHECK(waits.dirty == 1);
  CHECK(waits.has_task == 1);
  CHECK(waits.wait.cause == CAUSE_NETWORK);
  CHECK(waits.wait.syscall == 45);
  CHECK(waits.wait.fd == -1);
  CHECK(waits.wait.stack_id == 77);
  CHECK(has_args(waits));
}

TEST_CASE("a thread of a profile that idles, runs or waits when aiotrace comes", "[probe]") {
  const auto idle = thread_of(ProfileSeed{.pid = 1, .tid = 2, .idle = true, .waiting = {}}, 500);
  CHECK(idle.off == OFF_IN_POLL);
  CHECK(idle.off_ns == 500);
  CHECK(idle.awaits_wakeup == 0);

  const auto runs = thread_of(ProfileSeed{.pid = 1, .tid = 2, .idle = false, .waiting = {}}, 500);
  CHECK(runs.off == OFF_NOT);
  CHECK(runs.epfd == -1);
  CHECK(runs.wait.fd == -1);

  const auto waits = thread_of(ProfileSeed{.pid = 1, .tid = 2, .idle = false, .waiting = kRecv}, 500);
  CHECK(waits.off == OFF_BLOCKED);
  CHECK(waits.awaits_wakeup == 1);
  CHECK(waits.off_ns == 500);
  CHECK(waits.wait.cause == CAUSE_NETWORK);
  CHECK(waits.wait.stack_id == 77);
  CHECK(has_args(waits));
}

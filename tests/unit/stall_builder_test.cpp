#include "model/stall_builder.h"

#include <numeric>

#include "model/runners.h"
#include "tests/catch.h"

using namespace aiotrace::model;

namespace {

constexpr std::uint64_t kMs = 1'000'000;
constexpr std::uint32_t kPid = 1234;
constexpr std::uint32_t kTid = 1235;
const EventHead kHead{.pid = kPid, .tid = kTid, .time_ns = 0};

struct Fixture {
  StackStore stacks;
  StallBuilder builder{200 * kMs, stacks, [](std::uint32_t pid, std::uint64_t code_id) -> std::optional<Definition> {
                         if (pid != kPid || code_id != 7) return std::nullopt;
                         return Definition{"handle_request", "app/handlers.py", 15};
                       }};

  Fixture() {
    stacks.add(kPid, 1, {{Frame::Kind::python, "fetch_sync", "app/handlers.py", 42}});
    stacks.add(kPid, 2, {{Frame::Kind::python, "crunch", "app/handlers.py", 60}});
  }

  void task(std::uint64_t iteration, const std::string& name, std::uint64_t address = 0x10) {
    builder.add(TaskSeen{.head = kHead,
                         .iteration = iteration,
                         .task = address,
                         .coroutine = address + 1,
                         .code_id = 7,
                         .name = name,
                         .name_known = true,
                         .qualname = "handle_request"});
  }
  void block(std::uint64_t iteration, Cause cause, std::uint64_t ns, std::uint64_t runnable_ns = 0,
             bool has_task = true) {
    Blocked blocked;
    blocked.head = kHead;
    blocked.iteration = iteration;
    blocked.cause = cause;
    blocked.blocked_ns = ns;
    blocked.runnable_ns = runnable_ns;
    blocked.stack_id = 1;
    blocked.has_task = has_task;
    ClassifiedBlock block;
    block.blocked = blocked;
    block.syscall = "recvfrom";
    builder.add(block);
  }
  void sample(std::uint64_t iteration, int count, bool has_task = true, std::uint64_t stack_id = 2) {
    for (; count > 0; --count) {
      builder.add(ClassifiedSample{.head = kHead,
                                   .iteration = iteration,
                                   .stack_id = stack_id,
                                   .cause = Cause::python,
                                   .syscall = {},
                                   .culprit = {},
                                   .has_task = has_task});
    }
  }
  static IterationEnd end_of(std::uint64_t iteration, std::uint64_t duration_ns) {
    IterationEnd end;
    end.head = kHead;
    end.iteration = iteration;
    end.start_ns = 1'000 * kMs;
    end.duration_ns = duration_ns;
    end.epfd = 5;
    return end;
  }
  static OpenIteration open(std::uint64_t iteration, std::uint64_t lasted_ns) {
    OpenIteration open;
    open.head = {.pid = kPid, .tid = kTid, .time_ns = 1'000 * kMs + lasted_ns};
    open.iteration = iteration;
    open.start_ns = 1'000 * kMs;
    open.epfd = 5;
    return open;
  }
};

std::uint64_t ns_of(const Stall& stall, Cause cause) { return stall.cause_ns[index(cause)]; }

}  // namespace

TEST_CASE_METHOD(Fixture, "a network stall with its task, causes and segments", "[model]") {
  task(3, "fetch-17");
  block(3, Cause::network, 212 * kMs, 2 * kMs);
  sample(3, 1);
  auto end = end_of(3, 220 * kMs);
  end.cause_ns[index(Cause::network)] = 212 * kMs;
  end.cause_count[index(Cause::network)] = 1;
  end.cause_ns[index(Cause::cpu_wait)] = 3 * kMs;
  end.cause_count[index(Cause::cpu_wait)] = 4;
  end.losses = 2;
  const auto stall = builder.end(end);
  CHECK(stall.id == 1);
  CHECK(stall.start_ns == 1'000 * kMs);
  CHECK(stall.duration_ns == 220 * kMs);
  CHECK(stall.error);
  CHECK_FALSE(stall.ongoing);
  CHECK(stall.pid == kPid);
  CHECK(stall.tid == kTid);
  CHECK(stall.epfd == 5);
  CHECK(stall.losses == 2);
  REQUIRE(stall.task.has_value());
  CHECK(*stall.task == Task{"fetch-17", "handle_request", "app/handlers.py", 15});
  CHECK(ns_of(stall, Cause::network) == 212 * kMs);
  CHECK(ns_of(stall, Cause::cpu_wait) == 3 * kMs);
  CHECK(ns_of(stall, Cause::python) == 5 * kMs);
  REQUIRE(stall.segments.size() == 4);
  CHECK(stall.segments[0].cause == Cause::network);
  CHECK(stall.segments[0].syscall == "recvfrom");
  CHECK(stall.segments[0].stack->front().function == "fetch_sync");
  CHECK(stall.segments[1].cause == Cause::python);
  CHECK(stall.segments[1].stack->front().function == "crunch");
  // The wait for a CPU after the block has the block's stack, the preemptions have none.
  CHECK(stall.segments[2].cause == Cause::cpu_wait);
  CHECK(stall.segments[2].ns == 2 * kMs);
  CHECK(stall.segments[2].syscall.empty());
  CHECK(stall.segments[2].stack->front().function == "fetch_sync");
  CHECK(stall.segments[3].ns == 1 * kMs);
  CHECK(stall.segments[3].count == 3);
  CHECK_FALSE(stall.segments[3].stack.has_value());
}

TEST_CASE_METHOD(Fixture, "what belongs to an older iteration is dropped", "[model]") {
  task(3, "old");
  block(3, Cause::network, 90 * kMs);
  sample(4, 2);
  auto stall = builder.end(end_of(4, 60 * kMs));
  CHECK_FALSE(stall.error);
  CHECK_FALSE(stall.task.has_value());
  CHECK(ns_of(stall, Cause::python) == 60 * kMs);
  REQUIRE(stall.segments.size() == 1);
  CHECK(stall.segments[0].count == 2);
  // A sample that comes behind the end of its iteration is not counted for the next one.
  sample(4, 5);
  stall = builder.end(end_of(5, 50 * kMs));
  CHECK(stall.segments.at(0).count == 0);
  CHECK(stall.id == 2);
}

TEST_CASE_METHOD(Fixture, "threads are kept apart", "[model]") {
  sample(3, 4);
  auto other = end_of(3, 60 * kMs);
  other.head.tid = 99;
  CHECK(builder.end(other).segments.at(0).count == 0);
  CHECK(builder.end(end_of(3, 60 * kMs)).segments.at(0).count == 4);
  CHECK(builder.threads() == 2);
  builder.forget_thread(kPid, 99);
  CHECK(builder.threads() == 1);
  builder.forget_process(kPid);
  CHECK(builder.threads() == 0);
}

TEST_CASE_METHOD(Fixture, "the task with the largest share is named", "[model]") {
  task(3, "a", 0x10);
  sample(3, 3);
  task(3, "b", 0x20);
  block(3, Cause::network, 40 * kMs);
  task(3, "a", 0x10);
  sample(3, 2);
  auto end = end_of(3, 100 * kMs);
  end.cause_ns[index(Cause::network)] = 40 * kMs;
  CHECK(builder.end(end).task->name == "a");  // 60 ms by samples against 40 ms

  task(4, "a", 0x10);
  sample(4, 1);
  task(4, "b", 0x20);
  block(4, Cause::network, 60 * kMs);
  end = end_of(4, 100 * kMs);
  end.cause_ns[index(Cause::network)] = 60 * kMs;
  CHECK(builder.end(end).task->name == "b");
}

TEST_CASE_METHOD(Fixture, "what ran before a wait is of the function and task seen before it", "[model]") {
  const auto ran = [this](std::uint64_t time_ns, std::uint64_t cpu_ns, std::uint64_t stack_id, Cause cause) {
    builder.add(ClassifiedSample{.head = {.pid = kPid, .tid = kTid, .time_ns = time_ns},
                                 .iteration = 3,
                                 .stack_id = stack_id,
                                 .cause = cause,
                                 .syscall = {},
                                 .culprit = {},
                                 .has_task = true,
                                 .cpu_ns = cpu_ns});
  };
  task(3, "a", 0x10);
  ran(1'018 * kMs, 18 * kMs, 2, Cause::python);
  auto blocked = Blocked{};
  blocked.head = kHead;
  blocked.iteration = 3;
  blocked.cause = GENERATE(Cause::file, Cause::gil);
  blocked.start_ns = 1'030 * kMs;
  blocked.blocked_ns = 50 * kMs;
  blocked.count = 1;
  blocked.has_task = blocked.cause == Cause::file;
  blocked.stack_id = 1;
  builder.add(ClassifiedBlock{.blocked = blocked, .syscall = {}, .culprit = {}, .runnable_culprit = {}});
  task(3, "b", 0x20);
  for (std::uint64_t i = 1; i <= 20; ++i) ran((1'080 + i) * kMs, (i == 1 ? 13 : 1) * kMs, 1, Cause::kernel);
  auto end = end_of(3, 100 * kMs);
  end.cause_ns[index(blocked.cause)] = 50 * kMs;
  const auto stall = builder.end(end);
  if (blocked.cause == Cause::file) {
    CHECK(ns_of(stall, Cause::python) == 30 * kMs);
    CHECK(ns_of(stall, Cause::kernel) == 20 * kMs);
    CHECK(stall.segments.at(1).stack.value().at(0).function == "crunch");
    CHECK(stall.task->name == "a");
  } else {  // the program was prevented from running: the same work may continue, and one sample does not decide
    CHECK(ns_of(stall, Cause::python) < 5 * kMs);
    CHECK(stall.task->name == "b");
  }
}

TEST_CASE_METHOD(Fixture, "a plain callback with most of the time is no task", "[model]") {
  task(3, "a");
  block(3, Cause::network, 10 * kMs);
  block(3, Cause::sleep, 50 * kMs, 0, false);
  auto end = end_of(3, 60 * kMs);
  end.cause_ns[index(Cause::network)] = 10 * kMs;
  end.cause_ns[index(Cause::sleep)] = 50 * kMs;
  CHECK_FALSE(builder.end(end).task.has_value());
  // Samples count the same way.
  task(4, "a");
  sample(4, 1);
  sample(4, 2, false);
  CHECK_FALSE(builder.end(end_of(4, 60 * kMs)).task.has_value());
}

TEST_CASE_METHOD(Fixture, "waits for the GIL or a CPU outside any task do not count against one", "[model]") {
  task(3, "a");
  sample(3, 1);
  block(3, Cause::gil, 80 * kMs, 15 * kMs, false);
  auto end = end_of(3, 100 * kMs);
  end.cause_ns[index(Cause::gil)] = 80 * kMs;
  end.cause_ns[index(Cause::cpu_wait)] = 15 * kMs;
  CHECK(builder.end(end).task->name == "a");
  // Nothing but the wait: no task.
  block(4, Cause::gil, 80 * kMs, 15 * kMs, false);
  end.iteration = 4;
  CHECK_FALSE(builder.end(end).task.has_value());
}

TEST_CASE_METHOD(Fixture, "an unnamed task has its coroutine's name from the code", "[model]") {
  builder.add(TaskSeen{.head = kHead,
                       .iteration = 3,
                       .task = 0,
                       .coroutine = 0x20,
                       .code_id = 7,
                       .name = {},
                       .name_known = false,
                       .qualname = {}});
  sample(3, 1);
  const auto stall = builder.end(end_of(3, 60 * kMs));
  REQUIRE(stall.task.has_value());
  CHECK_FALSE(stall.task->name.has_value());
  CHECK(stall.task->coroutine == "handle_request");
}

TEST_CASE_METHOD(Fixture, "a stall that goes on keeps its id and grows", "[model]") {
  task(3, "a");
  block(3, Cause::file, 20 * kMs);
  auto now = open(3, 250 * kMs);
  now.cause_ns[index(Cause::file)] = 20 * kMs;
  now.cause_count[index(Cause::file)] = 1;
  now.wait = OpenIteration::PresentWait{.cause = Cause::sleep,
                                        .since_ns = 1'000 * kMs + 30 * kMs,
                                        .stack_id = 2,
                                        .syscall = "clock_nanosleep",
                                        .culprit = {},
                                        .has_task = true};
  now.open_start = true;
  const auto first = builder.snapshot(now);
  REQUIRE(first.has_value());
  CHECK(first->ongoing);
  CHECK(first->at_least);
  CHECK(first->error);
  CHECK(first->duration_ns == 250 * kMs);
  CHECK(ns_of(*first, Cause::sleep) == 220 * kMs);
  CHECK(ns_of(*first, Cause::file) == 20 * kMs);
  CHECK(ns_of(*first, Cause::python) == 10 * kMs);
  CHECK(first->segments.at(0).syscall == "clock_nanosleep");
  CHECK(first->segments.at(0).stack->front().function == "crunch");
  CHECK(first->task->name == "a");

  now.head.time_ns += 100 * kMs;
  const auto second = builder.snapshot(now);
  CHECK(second->id == first->id);
  CHECK(second->duration_ns == 350 * kMs);
  CHECK(ns_of(*second, Cause::sleep) == 320 * kMs);

  block(3, Cause::sleep, 400 * kMs);
  auto end = end_of(3, 450 * kMs);
  end.cause_ns[index(Cause::sleep)] = 400 * kMs;
  end.cause_ns[index(Cause::file)] = 20 * kMs;
  const auto last = builder.end(end);
  CHECK(last.id == first->id);
  CHECK_FALSE(last.ongoing);
  CHECK(last.duration_ns == 450 * kMs);
  CHECK(ns_of(last, Cause::file) == 20 * kMs);
  CHECK(ns_of(last, Cause::sleep) == 400 * kMs);
  CHECK(builder.take_unfinished(true).empty());
  CHECK_FALSE(builder.snapshot(now).has_value());
}

TEST_CASE_METHOD(Fixture, "a snapshot ahead of the ring buffer takes nothing from the iteration before", "[model]") {
  sample(3, 6);
  const auto ahead = builder.snapshot(open(4, 300 * kMs));
  REQUIRE(ahead.has_value());
  CHECK(ahead->segments.at(0).count == 0);
  const auto before = builder.end(end_of(3, 60 * kMs));
  CHECK(before.segments.at(0).count == 6);
  CHECK(before.id != ahead->id);
  CHECK(builder.take_unfinished().empty());
  CHECK(builder.end(end_of(4, 400 * kMs)).id == ahead->id);
}

TEST_CASE_METHOD(Fixture, "a snapshot of an iteration that is over is no stall", "[model]") {
  sample(4, 1);
  CHECK_FALSE(builder.snapshot(open(3, 300 * kMs)).has_value());
  CHECK(builder.take_unfinished(true).empty());
}

TEST_CASE_METHOD(Fixture, "stalls whose end never came are reported once", "[model]") {
  const auto id = builder.snapshot(open(3, 300 * kMs))->id;
  CHECK(builder.take_unfinished().empty());
  sample(5, 1);  // a later iteration: the end of 3 was lost
  auto unfinished = builder.take_unfinished();
  REQUIRE(unfinished.size() == 1);
  CHECK(unfinished[0].id == id);
  CHECK(unfinished[0].duration_ns == 300 * kMs);
  CHECK(unfinished[0].ongoing);
  CHECK(builder.take_unfinished(true).empty());

  CHECK(builder.snapshot(open(6, 300 * kMs)).has_value());
  builder.forget_process(kPid);
  CHECK(builder.take_unfinished().size() == 1);
  CHECK(builder.snapshot(open(7, 300 * kMs)).has_value());
  CHECK(builder.take_unfinished(true).size() == 1);
  CHECK(builder.take_unfinished(true).empty());
}

TEST_CASE_METHOD(Fixture, "a stack that the store does not have is counted as missing", "[model]") {
  sample(3, 2, true, 99);
  sample(3, 1, true, 0);
  CHECK(builder.missing_stacks() == 2);
  CHECK_FALSE(builder.end(end_of(3, 60 * kMs)).segments.at(0).stack.has_value());
}

TEST_CASE_METHOD(Fixture, "a thread that counts from the beginning again is followed", "[model]") {
  sample(1'000, 1);
  sample(1, 3);
  CHECK(builder.end(end_of(1, 60 * kMs)).segments.at(0).count == 3);
}

TEST_CASE("who ran in a wait: each process with its time in it, largest first", "[model]") {
  RunsSeen seen;
  seen.head.time_ns = 100 * kMs;
  seen.since_ns = 10 * kMs;
  seen.runs = {{.end_ns = 100 * kMs, .pid = 7, .comm = "a"},
               {.end_ns = 70 * kMs, .pid = 0, .comm = "swapper"},
               {.end_ns = 65 * kMs, .pid = 8, .comm = "b"},
               {.end_ns = 25 * kMs, .pid = 7, .comm = "a"}};
  const auto runners = runners_of(seen);
  REQUIRE(runners.size() == 2);
  CHECK(runners[0] == Runner{7, "a", 45 * kMs});
  CHECK(runners[1] == Runner{8, "b", 40 * kMs});

  // Runs that were written during the read: no time is counted twice, and none outside the wait.
  seen.runs = {{.end_ns = 130 * kMs, .pid = 7, .comm = "a"},
               {.end_ns = 90 * kMs, .pid = 8, .comm = "b"},
               {.end_ns = 95 * kMs, .pid = 7, .comm = "a"},
               {.end_ns = 5 * kMs, .pid = 9, .comm = "c"}};
  const auto torn = runners_of(seen);
  REQUIRE(torn.size() == 1);
  CHECK(torn[0].pid == 7);
  CHECK(torn[0].ns <= 90 * kMs);
}

TEST_CASE_METHOD(Fixture, "a wait for a CPU names all who ran, over all waits of a place", "[model]") {
  const auto wait = [this](std::uint64_t ns, std::vector<Runner> running) {
    ClassifiedBlock block;
    block.blocked.head = kHead;
    block.blocked.iteration = 1;
    block.blocked.cause = Cause::cpu_wait;
    block.blocked.blocked_ns = ns;
    block.blocked.stack_id = 1;
    block.culprit = Runners{std::move(running)};
    builder.add(block);
  };
  wait(40 * kMs, {{7, "a", 30}, {8, "b", 10}});
  wait(60 * kMs, {{8, "b", 1}});
  auto end = end_of(1, 100 * kMs);
  end.cause_ns[index(Cause::cpu_wait)] = 100 * kMs;
  end.cause_count[index(Cause::cpu_wait)] = 2;
  const auto stall = builder.end(end);
  REQUIRE(stall.segments.size() == 1);
  CHECK(stall.segments[0].ns == 100 * kMs);
  CHECK(stall.segments[0].count == 2);
  REQUIRE(stall.segments[0].culprit);
  CHECK(*stall.segments[0].culprit == Culprit(Runners{{{8, "b", 70 * kMs}, {7, "a", 30 * kMs}}}));
}

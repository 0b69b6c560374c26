#include "probe/map_values.h"

#include <cstring>
#include <string_view>

#include "abi/records.h"
#include "tests/catch.h"

using namespace aiotrace;
using namespace aiotrace::probe;
using State = model::ThreadNow::State;

namespace {

// Every field has a value of its own.
loop_thread blocked_thread() {
  loop_thread thread{};
  thread.tid = 2;
  thread.return_ns = 3;
  thread.iteration = 4;
  thread.epfd = 5;
  thread.pid = 6;
  thread.off = OFF_BLOCKED;
  thread.kind = LOOP_ASYNCIO;
  thread.off_ns = 7;
  thread.wake_ns = 8;
  thread.wait.stack_id = 9;
  for (int i = 0; i < 4; i++) thread.wait.args[i] = static_cast<std::uint64_t>(10 + i);
  thread.wait.holder_tstate = 14;
  thread.wait.holder_stack = 15;
  thread.wait.holder_tid = 16;
  thread.wait.syscall = 17;
  thread.wait.fd = 18;
  thread.wait.cause = CAUSE_GIL;
  thread.losses = 19;
  for (std::uint32_t i = 0; i < CAUSE_MAX; i++) {
    thread.causes[i].ns = 100 + i;
    thread.causes[i].count = 200 + i;
  }
  return thread;
}

}  // namespace

TEST_CASE("what a thread does now has each field that BPF keeps", "[probe]") {
  const auto now = thread_now(blocked_thread());
  REQUIRE(now);
  CHECK(now->tid == 2);
  CHECK(now->start_ns == 3);
  CHECK(now->iteration == 4);
  CHECK(now->epfd == 5);
  CHECK(now->pid == 6);
  CHECK(now->state == State::blocked);
  CHECK(now->source == model::LoopSource::asyncio);
  CHECK(now->since_ns == 7);
  CHECK(now->woken_ns == 8);
  CHECK(now->switch_out.stack_id == 9);
  CHECK(now->switch_out.args == std::array<std::uint64_t, 4>{10, 11, 12, 13});
  CHECK(now->switch_out.holder_tstate == 14);
  CHECK(now->switch_out.holder_stack == 15);
  CHECK(now->switch_out.holder_tid == 16);
  CHECK(now->switch_out.syscall == 17);
  CHECK(now->switch_out.fd == 18);
  CHECK(now->switch_out.cause == model::Cause::gil);
  CHECK(now->losses == 19);
  for (std::size_t i = 0; i < model::kCauses; i++) {
    CHECK(now->cause_ns[i] == 100 + i);
    CHECK(now->cause_count[i] == 200 + i);
  }
}

TEST_CASE("what a thread does now: each flag alone", "[probe]") {
  const auto flags = [](const loop_thread& thread) {
    const auto now = thread_now(thread);
    REQUIRE(now);
    std::string set;
    for (const auto& [on, name] : {std::pair(now->epfd_settled, "settled "), std::pair(now->exited, "exited "),
                                   std::pair(now->open_start, "open "), std::pair(now->throttled, "throttled "),
                                   std::pair(now->has_task, "task "), std::pair(now->switch_out.has_target, "target "),
                                   std::pair(now->switch_out.holds_gil, "gil ")})
      if (on) set += name;
    return set;
  };
  CHECK(flags(blocked_thread()).empty());
  auto thread = blocked_thread();
  thread.verified = 1;
  CHECK(flags(thread) == "settled ");
  thread = blocked_thread();
  thread.exited = 1;
  CHECK(flags(thread) == "exited ");
  thread = blocked_thread();
  thread.open_start = 1;
  CHECK(flags(thread) == "open ");
  thread = blocked_thread();
  thread.throttled = 1;
  CHECK(flags(thread) == "throttled ");
  thread = blocked_thread();
  thread.has_task = 1;
  CHECK(flags(thread) == "task ");
  thread = blocked_thread();
  thread.wait.target = TARGET_SENT;
  CHECK(flags(thread) == "target ");
  thread.wait.target = TARGET_CHILD;  // no record has been sent of it
  CHECK(flags(thread).empty());
  thread = blocked_thread();
  thread.wait.holds_gil = 1;
  CHECK(flags(thread) == "gil ");
}

TEST_CASE("what a thread does now: states, kinds of loop, and what does not exist", "[probe]") {
  auto thread = blocked_thread();
  for (const auto& [off, state] : {std::pair(OFF_NOT, State::running), std::pair(OFF_IN_POLL, State::in_poll),
                                   std::pair(OFF_RUNNABLE, State::runnable), std::pair(OFF_BLOCKED, State::blocked)}) {
    thread.off = static_cast<std::uint8_t>(off);
    const auto now = thread_now(thread);
    REQUIRE(now);
    CHECK(now->state == state);
  }
  for (const auto& [kind, source] :
       {std::pair(LOOP_PLAIN, model::LoopSource::plain), std::pair(LOOP_ASYNCIO, model::LoopSource::asyncio),
        std::pair(LOOP_PYTHON, model::LoopSource::python)}) {
    thread.kind = static_cast<std::uint8_t>(kind);
    const auto now = thread_now(thread);
    REQUIRE(now);
    CHECK(now->source == source);
  }
  thread.off = OFF_BLOCKED + 1;
  CHECK_FALSE(thread_now(thread));
  thread = blocked_thread();
  thread.kind = LOOP_PYTHON + 1;
  CHECK_FALSE(thread_now(thread));
  thread = blocked_thread();
  thread.wait.cause = CAUSE_MAX;
  CHECK_FALSE(thread_now(thread));
}

TEST_CASE("counters, times and durations of maps", "[probe]") {
  loop_stats stats{.iterations = 1, .busy_ns = 2, .max_ns = 3, .stalls = 4, .buckets = {}};
  stats.buckets[0] = 5;
  stats.buckets[HIST_BUCKETS - 1] = 6;
  const auto counters = counters_of(stats);
  CHECK(counters.iterations == 1);
  CHECK(counters.busy_ns == 2);
  CHECK(counters.max_ns == 3);
  CHECK(counters.buckets.front() == 5);
  CHECK(counters.buckets.back() == 6);

  const auto times = times_of({.on_ns = 1, .cpu_ns = 2, .idle_ns = 3, .first_ns = 4});
  CHECK(times.on_ns == 1);
  CHECK(times.cpu_ns == 2);
  CHECK(times.idle_ns == 3);
  CHECK(times.first_ns == 4);
}

TEST_CASE("groups of tasks by name: bounded, UTF-8, marked where they were cut", "[probe]") {
  const auto named = [](std::string_view text, std::uint8_t bytes, std::uint8_t width, std::uint8_t cut) {
    group_key key{};
    std::memcpy(key.text, text.data(), text.size());
    key.bytes = bytes;
    key.width = width;
    key.cut = cut;
    return group_of(key, {.count = 1, .total_ns = 2, .max_ns = 3, .buckets = {}});
  };
  const auto plain = named("fetch-*", 7, 1, 0);
  CHECK(plain.name == "fetch-*");
  CHECK_FALSE(plain.is_coroutine);
  CHECK(plain.delays.count == 1);
  CHECK(plain.delays.total_ns == 2);
  CHECK(plain.delays.max_ns == 3);
  CHECK(named("fetch", 5, 1, 1).name == "fetch…");
  CHECK(named("\xe9", 1, 1, 0).name == "é");  // Latin-1
  CHECK(named(std::string(GROUP_TEXT, 'x'), 255, 1, 0).name == std::string(GROUP_TEXT, 'x') + "…");
  group_key key{};
  key.coroutine = 1;
  CHECK(group_of(key, {}).is_coroutine);
}

TEST_CASE("who made a coroutine: no more frames than there are", "[probe]") {
  origin made{};
  made.made_ns = 1;
  made.count = 2;
  made.frames[0] = {.code = 10, .lasti = 4, .pad = 0};
  made.frames[1] = {.code = 20, .lasti = -1, .pad = 0};
  const auto maker = maker_of(made);
  CHECK(maker.made_ns == 1);
  REQUIRE(maker.frames.size() == 2);
  CHECK(maker.frames[0].code == 10);
  CHECK(maker.frames[0].lasti == 4);
  CHECK(maker.frames[1].code == 20);
  CHECK(maker.frames[1].lasti == -1);
  made.count = ~0u;
  CHECK(maker_of(made).frames.size() == ORIGIN_FRAMES);
}

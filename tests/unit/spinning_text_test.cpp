#include "output/text/spinning.h"

#include "output/text/tasks.h"
#include "tests/catch.h"

using namespace aiotrace;

TEST_CASE("a loop that spins is one clean sentence", "[text]") {
  model::SpinningLoop loop{
      .pid = 12, .tid = 12, .thread = "MainThread", .iterations_per_s = 78'000, .looks = 10, .same = 10};
  loop.callback = "BaseSelectorEventLoop._read_from_self";
  loop.file = "/usr/lib/python3.11/asyncio/selector_events.py";
  loop.line = 118;
  loop.fd = 6;
  CHECK(output::spinning_text(loop) ==
        "pid 12 thread MainThread: the loop spins: it comes back 78,000 times a second without a wait to call "
        "BaseSelectorEventLoop._read_from_self (selector_events.py:118), as descriptor 6 is ready each time (its peer "
        "has "
        "closed it, nobody reads its data, or new data comes all the time)");
  loop.fd.reset();
  loop.task = model::Task{"work\x1b[2J", "busy", "", 0};
  loop.ended = true;
  CHECK(output::spinning_text(loop) ==
        "pid 12 thread MainThread: the loop was spinning: it comes back 78,000 times a second without a wait for task "
        "work\\x1b[2J (busy), which asks for its next turn at once (selector_events.py:118)");
}

TEST_CASE("a wait names its resource, its holder and how many wait", "[text]") {
  auto waited = std::make_shared<model::TaskResource>();
  waited->resource = {.kind = model::ResourceKind::lock, .class_name = "Lock", .name = "app.CACHE_LOCK", .waiting = 3};
  waited->holders.push_back({.task = true, .name = "refresh-2"});
  waited->holders[0].how = model::HoldHow::with;
  waited->holders[0].stack = {{model::Frame::Kind::python, "refresh", "/srv/app/cache.py", 41}};
  model::TaskWait wait;
  wait.kind = model::TaskWaitKind::lock;
  wait.call = "Lock.acquire";
  CHECK(output::wait_text(wait) == "lock (Lock.acquire)");
  wait.resource = waited;
  CHECK(output::wait_text(wait) == "lock app.CACHE_LOCK, held by refresh-2 at cache.py:41, 3 wait");
  waited->holders[0].how = model::HoldHow::refers;
  waited->holders.push_back({.task = true, .name = "other"});
  CHECK(output::wait_text(wait) == "lock app.CACHE_LOCK, perhaps held by refresh-2 at cache.py:41 and 1 more, 3 wait");
  waited->resource = {.kind = model::ResourceKind::executor,
                      .class_name = "ThreadPoolExecutor",
                      .name = {},
                      .capacity = 6,
                      .out = 6,
                      .waiting = 31};
  waited->holders.clear();
  CHECK(output::wait_text(wait) == "executor (ThreadPoolExecutor), 6 of 6 busy, 31 wait");
}

#include "app/shared_polls.h"

#include <map>
#include <optional>

#include "tests/catch.h"

using namespace aiotrace;
using State = model::ThreadNow::State;

namespace {

constexpr std::uint64_t kMs = 1'000'000;
constexpr std::uint64_t kWarnNs = 50 * kMs;
constexpr std::uint32_t kPid = 10;
constexpr std::int32_t kEpoll = 5;

/// Threads 1 and 2 of the process poll one epoll.
struct Threads {
  std::map<std::uint32_t, model::ThreadNow> now;
  app::SharedPolls polls{[this](std::uint32_t tid) -> std::optional<model::ThreadNow> {
    const auto found = now.find(tid);
    return found == now.end() ? std::nullopt : std::optional(found->second);
  }};

  Threads() {
    for (const std::uint32_t tid : {1u, 2u}) {
      polls.polls(kPid, tid, kEpoll);
      is(tid, State::in_poll, 0);
    }
  }
  void is(std::uint32_t tid, State state, std::uint64_t start_ns, std::int32_t epfd = kEpoll) {
    now[tid].pid = kPid;
    now[tid].tid = tid;
    now[tid].epfd = epfd;
    now[tid].state = state;
    now[tid].start_ns = start_ns;
  }
  bool taken_over(std::uint32_t tid, std::uint64_t from_ms, std::uint64_t to_ms) {
    return polls.taken_over(kPid, tid, {.start_ns = from_ms * kMs, .end_ns = to_ms * kMs}, kWarnNs);
  }
};

}  // namespace

TEST_CASE("a wait while another thread polls the epoll is taken over", "[shared-polls]") {
  Threads threads;
  CHECK(threads.taken_over(1, 100, 300));
  // It has come back, and runs.
  threads.is(2, State::running, 280 * kMs);
  CHECK(threads.taken_over(1, 100, 300));
}

TEST_CASE("a time in which no thread polls the epoll is a stall", "[shared-polls]") {
  Threads threads;
  threads.is(2, State::blocked, 110 * kMs);
  CHECK_FALSE(threads.taken_over(1, 100, 300));
  // The other one's iteration ends later, when this one polls again.
  threads.is(1, State::in_poll, 0);
  CHECK_FALSE(threads.taken_over(2, 110, 305));
}

TEST_CASE("threads of other epolls, processes and ended ones take nothing over", "[shared-polls]") {
  Threads threads;
  threads.is(2, State::in_poll, 0, kEpoll + 1);  // the number is another epoll's now
  CHECK_FALSE(threads.taken_over(1, 100, 300));
  threads.is(2, State::in_poll, 0);
  threads.now[2].exited = true;
  CHECK_FALSE(threads.taken_over(1, 100, 300));
  threads.now[2].exited = false;
  CHECK(threads.taken_over(1, 100, 300));
  threads.polls.forget_thread(kPid, 2);
  CHECK_FALSE(threads.taken_over(1, 100, 300));
  threads.polls.polls(kPid, 2, kEpoll);
  CHECK(threads.taken_over(1, 100, 300));
  threads.polls.forget_process(kPid);
  CHECK_FALSE(threads.taken_over(1, 100, 300));
}

#include "probe/seeds.h"

#include <algorithm>

#include "abi/records.h"
#include "abi/thread.h"

namespace aiotrace::probe {
namespace {

void fill_wait(loop_thread& thread, const ThreadSeed::Waiting& waiting) {
  thread.wait.cause = static_cast<std::uint32_t>(waiting.cause);
  thread.wait.syscall = waiting.syscall;
  thread.wait.stack_id = waiting.stack_id;
  std::ranges::copy(waiting.args, thread.wait.args);
}

}  // namespace

loop_thread thread_of(const ThreadSeed& seed) {
  loop_thread thread{};
  thread.pid = seed.pid;
  thread.tid = seed.tid;
  thread.epfd = seed.selects ? EPFD_SELECT : seed.epfd;
  thread.in_select = seed.selects ? 1 : 0;
  thread.kind = seed.python ? LOOP_PYTHON : LOOP_PLAIN;
  thread.return_ns = seed.began_ns;
  thread.open_start = 1;
  if (seed.idle()) {
    // The thread is idle until it is seen to run: then an iteration begins, not now. If it ran before BPF knew it, or
    // if its switch-in is not reported, it is known from its next switch, sample or poll on.
    thread.off = OFF_IN_POLL;
    thread.off_ns = seed.began_ns;
  } else {
    const auto known_from = seed.waiting ? seed.waiting->since_ns : seed.seen_ns;
    const auto unknown_ns = known_from > seed.began_ns ? known_from - seed.began_ns : 0;
    thread.causes[CAUSE_UNKNOWN].ns = thread.away_ns = unknown_ns;
    thread.causes[CAUSE_UNKNOWN].count = unknown_ns != 0 ? 1 : 0;
    thread.unseen_ns = seed.seen_ns > seed.began_ns ? seed.seen_ns - seed.began_ns : 0;
    thread.dirty = 1;
  }
  if (!seed.waiting) {
    thread.found_ready = seed.idle() ? 0 : 1;
    return thread;
  }
  thread.off = OFF_BLOCKED;
  thread.awaits_wakeup = 1;
  thread.off_ns = seed.waiting->since_ns;
  thread.wait.fd = -1;
  thread.has_task = seed.waiting->has_task ? 1 : 0;
  fill_wait(thread, *seed.waiting);
  return thread;
}

loop_thread thread_of(const ProfileSeed& seed, std::uint64_t now_ns) {
  loop_thread thread{};
  thread.pid = seed.pid;
  thread.tid = seed.tid;
  thread.epfd = -1;
  thread.wait.fd = -1;
  if (seed.idle || seed.waiting) {
    thread.off = seed.idle ? OFF_IN_POLL : OFF_BLOCKED;
    thread.awaits_wakeup = seed.idle ? 0 : 1;
    thread.off_ns = now_ns;
  }
  if (seed.waiting) fill_wait(thread, *seed.waiting);
  return thread;
}

}  // namespace aiotrace::probe

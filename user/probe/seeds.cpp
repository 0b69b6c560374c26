#include "probe/seeds.h"

#include <algorithm>

#include "abi/records.h"

namespace aiotrace::probe {
namespace {

void fill_wait(loop_thread& thread, const ThreadSeed::Waiting& waiting) {
  thread.wait.cause = waiting.cause;
  thread.wait.syscall = waiting.syscall;
  thread.wait.stack_id = waiting.stack_id;
  std::ranges::copy(waiting.args, thread.wait.args);
}

}  // namespace

loop_thread thread_of(const ThreadSeed& seed) {
  loop_thread thread{};
  thread.pid = seed.pid;
  thread.tid = seed.tid;
  thread.epfd = seed.epfd;
  thread.kind = seed.python ? LOOP_PYTHON : LOOP_PLAIN;
  thread.return_ns = seed.began_ns;
  thread.open_start = 1;
  if (!seed.waiting) return thread;
  thread.off = OFF_BLOCKED;
  thread.awaits_wakeup = 1;
  thread.off_ns = thread.return_ns;
  thread.dirty = 1;
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

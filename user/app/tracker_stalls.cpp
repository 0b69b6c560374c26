// Stalls on their way out: with their loop, and while they go on.
#include <algorithm>

#include "abi/records.h"
#include "app/present_wait.h"
#include "app/tracker.h"
#include "decode/decode.h"
#include "proc/syscalls.h"
#include "proc/thread_syscall.h"

namespace aiotrace::app {

namespace {

// Longest interval between two tellings of a stall that goes on.
constexpr std::uint64_t kMaxTellNs = 60'000'000'000;

// On-CPU time too short for a sample counts as `python`; a program without Python has no such time.
void say_native(model::Stall& stall) {
  auto& times = stall.cause_ns;
  times[static_cast<std::size_t>(model::Cause::native)] += times[static_cast<std::size_t>(model::Cause::python)];
  times[static_cast<std::size_t>(model::Cause::python)] = 0;
  for (auto& segment : stall.segments) {
    if (segment.cause == model::Cause::python) segment.cause = model::Cause::native;
  }
}

}  // namespace

void Tracker::tell(model::Stall stall, bool unfinished) {
  const auto loop = loops_.find(stall.tid);
  auto* owner = target(stall.pid);
  if (loop != loops_.end() && loop->second.pid == stall.pid) {
    // A loop whose Python came to be known later than itself changes its kind.
    if (owner != nullptr && loop->second.kind == model::LoopKind::other && owner->interpreter() != nullptr) {
      if (const auto thread = probe_.thread(stall.tid)) loop->second.kind = owner->loop_kind(thread->kind);
      loop->second.thread = owner->thread_name(stall.tid);
    }
    stall.thread = loop->second.thread;
    stall.start_known = stall.at_least && loop->second.start_known;
    stall.loop_kind = loop->second.kind;
  } else if (owner != nullptr) {
    stall.thread = owner->thread_name(stall.tid);
    stall.loop_kind = owner->loop_kind(owner->interpreter() != nullptr ? LOOP_PYTHON : LOOP_PLAIN);
  }
  if (owner != nullptr && owner->settled() && owner->interpreter() == nullptr && !owner->refusal()) say_native(stall);
  longest_ns_ = std::max(longest_ns_, stall.duration_ns);
  if (!stall.ongoing || unfinished) statistics_.add(stall);
  if (unfinished)
    outputs_.unfinished(stall);
  else
    outputs_.stall(stall);
}

// Of a thread that waits now; its copy is the one of the switch-out that began the wait, or it has gone on.
std::uint64_t Tracker::stack_of_wait(const loop_thread& thread) {
  if (!options_.native) return thread.wait.stack_id;
  const auto record = probe_.native_copy(thread.tid);
  const auto event = decode::decode(record);
  const auto* copy = event ? std::get_if<model::NativeSeen>(&*event) : nullptr;
  auto* owner = target(thread.pid);
  if (copy == nullptr || owner == nullptr || copy->head.time_ns != thread.off_ns) return thread.wait.stack_id;
  return natives_.merge(*owner, *copy, thread.wait.stack_id);
}

void Tracker::tell_if_ongoing(std::uint32_t tid, Loop& loop, std::uint64_t now_ns, std::uint64_t least_ns) {
  const auto thread = probe_.thread(tid);
  if (!thread || thread->exited != 0 || thread->off == OFF_IN_POLL || thread->return_ns == 0 ||
      thread->return_ns + least_ns > now_ns)
    return;
  // Its first poll was entered before aiotrace came, and goes on: that is idleness.
  if (thread->verified == 0 && thread->off != OFF_BLOCKED &&
      proc::polled_epoll(static_cast<pid_t>(thread->pid), static_cast<pid_t>(tid)))
    return;
  const std::uint64_t age = now_ns - thread->return_ns;
  if (loop.told_iteration != thread->iteration) {
    loop.told_iteration = thread->iteration;
    loop.tell_at_ns = least_ns;
  }
  if (age < loop.tell_at_ns) return;
  loop.tell_at_ns = age + std::min(age, kMaxTellNs);

  auto* owner = target(thread->pid);
  model::OpenIteration open{.head = {.pid = thread->pid, .tid = tid, .time_ns = now_ns},
                            .iteration = thread->iteration,
                            .start_ns = thread->return_ns,
                            .cause_ns = {},
                            .cause_count = {},
                            .epfd = thread->epfd,
                            .open_start = thread->open_start != 0,
                            .losses = thread->losses,
                            .wait = {}};
  std::ranges::copy(thread->cause_ns, open.cause_ns.begin());
  std::ranges::copy(thread->cause_count, open.cause_count.begin());
  if (thread->off == OFF_RUNNABLE) {
    open.wait = model::OpenIteration::Wait{.cause = model::Cause::cpu_wait,
                                           .since_ns = thread->off_ns,
                                           .stack_id = stack_of_wait(*thread),
                                           .syscall = {},
                                           .culprit = {},
                                           .has_task = false};
  } else if (thread->off == OFF_BLOCKED && thread->wait.cause < CAUSE_MAX) {
    open.wait = model::OpenIteration::Wait{.cause = static_cast<model::Cause>(thread->wait.cause),
                                           .since_ns = thread->off_ns,
                                           .stack_id = stack_of_wait(*thread),
                                           .syscall = std::string(proc::syscall_name(thread->wait.syscall)),
                                           .culprit = culprit_of(
                                               model::Blocked{.head = open.head,
                                                              .iteration = open.iteration,
                                                              .start_ns = thread->off_ns,
                                                              .args = {thread->wait.args[0], 0, 0, 0},
                                                              .cause = static_cast<model::Cause>(thread->wait.cause),
                                                              .holder_tstate = thread->wait.holder_tstate,
                                                              .holder_stack = thread->wait.holder_stack,
                                                              .holder_tid = thread->wait.holder_tid,
                                                              .runner_comm = {}}),
                                           .has_task = thread->has_task != 0};
  }
  if (owner != nullptr && open.wait && !open.wait->culprit) {
    open.wait->culprit = present_culprit(*owner, tid, thread->wait);
    // What is looked up from outside is another wait's if the thread has gone on meanwhile.
    if (const auto again = probe_.thread(tid); !again || again->off_ns != thread->off_ns) open.wait->culprit.reset();
  }
  give_held(tid, thread->iteration);
  auto stall = builder_.snapshot(open);
  if (!stall) return;
  if (owner != nullptr && open.wait && open.wait->cause == model::Cause::lock)
    stall->other_threads = owner->other_threads(tid);
  tell(std::move(*stall), false);
}

void Tracker::tell_ongoing(std::uint64_t now_ns) {
  // A look at a loop costs about 2 µs; never more than half a percent of a CPU for all of them.
  constexpr std::uint64_t kNsPerLoop = 400'000;
  if (now_ns < next_ongoing_ns_) return;
  next_ongoing_ns_ = now_ns + loops_.size() * kNsPerLoop;
  drop_ended();
  for (auto& [pid, each] : targets_) {
    if (each.ended) continue;
    for (const auto tid : each.loops) tell_if_ongoing(tid, loops_[tid], now_ns, options_.error_ns);
  }
  for (auto& stall : builder_.take_unfinished()) tell(std::move(stall), true);
}

void Tracker::finish(std::uint64_t now_ns) {
  for (auto& [pid, each] : targets_) {
    if (each.ended) continue;
    for (const auto tid : each.loops) {
      auto& loop = loops_[tid];
      loop.tell_at_ns = 0;
      loop.told_iteration = ~std::uint64_t{0};
      tell_if_ongoing(tid, loop, now_ns, options_.warn_ns);
    }
  }
  for (auto& stall : builder_.take_unfinished(true)) tell(std::move(stall), true);
  if (untraced_ != 0)
    say(std::to_string(untraced_) + " times a process or a loop was not traced for want of open files");
}

}  // namespace aiotrace::app

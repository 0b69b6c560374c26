// Stalls on their way out: with their loop, and while they go on.
#include <algorithm>

#include "app/lock_holder.h"
#include "app/present_wait.h"
#include "app/tracker.h"
#include "decode/decode.h"
#include "proc/syscalls.h"
#include "proc/thread_syscall.h"
#include "util/clock.h"
#include "util/log.h"

namespace aiotrace::app {

namespace {

using State = model::ThreadNow::State;

// Longest interval between two reports of a stall that goes on.
constexpr std::uint64_t kMaxReportNs = 60'000'000'000;

// The first report of a stall that computes waits this long for a sample: without one it names no place. Samples come
// each millisecond on the CPU, but a thread that was found computing may have to wait for a CPU first.
constexpr std::uint64_t kPatienceNs = 1'000'000'000;

bool names_holder(const std::optional<model::Culprit>& culprit) {
  const auto* lock = model::culprit_as<model::LockAt>(culprit);
  return lock != nullptr && lock->holder;
}

bool names_a_place(const model::Stall& stall) { return !stall.segments.empty() && stall.segments.front().stack; }

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

bool Tracker::is_no_stall(const model::Stall& stall) {
  const SharedPolls::Iteration iteration{.start_ns = stall.start_ns, .end_ns = stall.start_ns + stall.duration_ns};
  if (!shared_.taken_over(stall.pid, stall.tid, iteration, config_.warn_ns)) return false;
  constexpr std::size_t kMaxWorkers = 16'384;
  if (workers_.size() < kMaxWorkers) workers_.emplace(stall.pid, stall.tid);
  if (!stall.ongoing) ++taken_over_;
  if (!config_.all && takes_turns_.insert(stall.pid).second)
    say("pid " + std::to_string(stall.pid) +
        ": its threads take turns to poll one epoll, as the schedulers of Go and tokio do: what one of them waits for "
        "while another polls is no stall");
  return true;
}

void Tracker::refresh_kind(std::uint32_t tid, Loop& loop, Target& owner) {
  if (loop.kind != model::LoopKind::other || loop.kind_known || owner.interpreter() == nullptr) return;
  if (const auto thread = probe_.thread(tid)) name_kind(owner, tid, thread->source, loop);
  loop.thread = owner.thread_name(tid);
}

void Tracker::report(model::Stall stall, bool unfinished) {
  if (is_no_stall(stall)) return;
  const auto loop = loops_.find(stall.tid);
  auto* owner = targets_.find(stall.pid);
  if (loop != loops_.end() && loop->second.pid == stall.pid) {
    if (owner != nullptr) refresh_kind(stall.tid, loop->second, *owner);
    stall.thread = loop->second.thread;
    stall.start_known = stall.at_least && loop->second.start_known;
    stall.loop_kind = loop->second.kind;
  } else if (owner != nullptr) {
    stall.thread = owner->thread_name(stall.tid);
    stall.loop_kind = owner->loop_kind(owner->interpreter() != nullptr ? model::LoopSource::python
                                                                       : model::LoopSource::plain);
  }
  if (owner != nullptr) stall.comm = owner->comm();
  if (owner != nullptr && owner->settled() && owner->interpreter() == nullptr && !owner->refusal()) say_native(stall);
  longest_ns_ = std::max(longest_ns_, stall.duration_ns);
  if ((!stall.ongoing || unfinished) && !config_.forget_ended) statistics_.add(stall);
  if (unfinished)
    sink_.unfinished(stall);
  else
    sink_.stall(stall);
}

// Of a thread that waits now; its copy is the one of the switch-out that began the wait, or it has gone on.
std::uint64_t Tracker::stack_of_wait(const model::ThreadNow& thread) {
  if (!config_.native) return thread.switch_out.stack_id;
  const auto record = probe_.native_copy(thread.tid);
  const auto event = decode::decode(record);
  const auto* copy = event ? std::get_if<model::NativeSeen>(&*event) : nullptr;
  auto* owner = targets_.find(thread.pid);
  if (copy == nullptr || owner == nullptr || copy->head.time_ns != thread.since_ns) return thread.switch_out.stack_id;
  return natives_.merge(*owner, *copy, thread.switch_out.stack_id);
}

// While the thread waits: afterwards nobody knows who held the lock. Only where a stall may come of it.
void Tracker::find_lock(const model::ThreadNow& thread, Loop& loop, std::uint64_t now_ns) {
  constexpr std::uint64_t kShareOfTime = 20;  // for all looks together
  if (thread.state != State::blocked || thread.switch_out.cause != model::Cause::lock || thread.start_ns == 0) return;
  if (now_ns < thread.since_ns + config_.warn_ns / 2 || now_ns < next_lock_ns_) return;
  if (loop.found_wait && loop.found_wait->since_ns == thread.since_ns) return;
  auto* owner = targets_.find(thread.pid);
  if (owner == nullptr || owner->ended()) return;
  const auto lock = held_lock(*owner, thread.tid, thread.switch_out.args[0]);
  const auto again = probe_.thread(thread.tid);
  if (!again || again->since_ns != thread.since_ns) return;
  loop.found_wait = FoundWait{.since_ns = thread.since_ns, .culprit = {}};
  if (lock) loop.found_wait->culprit = *lock;
  const auto end_ns = monotonic_ns();
  next_lock_ns_ = end_ns + (end_ns - std::min(now_ns, end_ns)) * kShareOfTime;
}

std::optional<model::ThreadNow> Tracker::due_ongoing(std::uint32_t tid, Loop& loop, std::uint64_t now_ns,
                                                     std::uint64_t least_ns) {
  const auto thread = probe_.thread(tid);
  if (thread) find_lock(*thread, loop, now_ns);
  if (!thread || thread->start_ns + least_ns > now_ns || !in_iteration(*thread, now_ns)) return std::nullopt;
  if (loop.reported_iteration != thread->iteration) {
    loop.reported_iteration = thread->iteration;
    loop.report_at_ns = least_ns;
    loop.due_ns = 0;
  }
  if (now_ns - thread->start_ns < loop.report_at_ns) return std::nullopt;
  if (loop.due_ns == 0) loop.due_ns = now_ns;
  return thread;
}

void Tracker::report_thread(const model::ThreadNow& thread, Loop& loop, std::uint64_t now_ns, bool last) {
  const auto tid = thread.tid;
  const std::uint64_t age = now_ns - thread.start_ns;
  auto* owner = targets_.find(thread.pid);
  model::OpenIteration open{.head = {.pid = thread.pid, .tid = tid, .time_ns = now_ns},
                            .iteration = thread.iteration,
                            .start_ns = thread.start_ns,
                            .cause_ns = thread.cause_ns,
                            .cause_count = thread.cause_count,
                            .epfd = thread.epfd,
                            .open_start = thread.open_start,
                            .losses = thread.losses,
                            .held_up = thread.held_up,
                            .wait = {}};
  if (thread.state == State::runnable) {
    open.wait = model::OpenIteration::PresentWait{.cause = model::Cause::cpu_wait,
                                                  .since_ns = thread.since_ns,
                                                  .stack_id = stack_of_wait(thread),
                                                  .syscall = {},
                                                  .culprit = {},
                                                  .has_task = false};
  } else if (thread.state == State::blocked) {
    open.wait = model::OpenIteration::PresentWait{.cause = thread.switch_out.cause,
                                                  .since_ns = thread.since_ns,
                                                  .stack_id = stack_of_wait(thread),
                                                  .syscall = std::string(proc::syscall_name(thread.switch_out.syscall)),
                                                  .culprit = culprit_of(
                                                      model::Blocked{.head = open.head,
                                                                     .iteration = open.iteration,
                                                                     .start_ns = thread.since_ns,
                                                                     .args = {thread.switch_out.args[0], 0, 0, 0},
                                                                     .cause = thread.switch_out.cause,
                                                                     .holder_tstate = thread.switch_out.holder_tstate,
                                                                     .holder_stack = thread.switch_out.holder_stack,
                                                                     .holder_tid = thread.switch_out.holder_tid,
                                                                     .runner_comm = {}}),
                                                  .has_task = thread.has_task};
  }
  if (owner != nullptr && open.wait && !open.wait->culprit) {
    open.wait->culprit = present_culprit(*owner, tid, thread.switch_out);
    // What is looked up from outside is another wait's if the thread has gone on meanwhile.
    if (const auto again = probe_.thread(tid); !again || again->since_ns != thread.since_ns) open.wait->culprit.reset();
  }
  give_held(tid, thread.iteration);
  auto stall = builder_.snapshot(open);
  if (!stall) return;
  if (!last && owner != nullptr && owner->interpreter() != nullptr && !names_a_place(*stall) &&
      now_ns - loop.due_ns < kPatienceNs)
    return;
  loop.report_at_ns = age + std::min(age, kMaxReportNs);
  if (owner != nullptr && open.wait && open.wait->cause == model::Cause::lock && !names_holder(open.wait->culprit))
    stall->other_threads = owner->other_threads(tid);
  report(std::move(*stall), false);
}

// After the ring was drained. A wait that has begun since may have records that are not read yet: it is left out.
void Tracker::report_settled(const model::ThreadNow& before, std::uint64_t now_ns) {
  const auto* owner = targets_.find(before.pid);
  if (owner == nullptr || owner->ended() || !owner->loops().contains(before.tid)) return;
  auto& loop = loops_[before.tid];
  auto thread = due_ongoing(before.tid, loop, now_ns, config_.error_ns);
  if (!thread) return;
  if (thread->since_ns != before.since_ns || thread->state != before.state) thread->state = State::running;
  report_thread(*thread, loop, now_ns, false);
}

void Tracker::report_ongoing(std::uint64_t now_ns) {
  // A look at a loop costs about 2 µs; never more than half a percent of a CPU for all of them.
  constexpr std::uint64_t kNsPerLoop = 400'000;
  if (now_ns < next_ongoing_ns_) return;
  next_ongoing_ns_ = now_ns + loops_.size() * kNsPerLoop;
  drop_ended();
  std::vector<model::ThreadNow> due;
  for (auto& [pid, each] : targets_) {
    if (each.ended()) continue;
    for (const auto tid : each.loops()) {
      if (const auto thread = due_ongoing(tid, loops_[tid], now_ns, config_.error_ns)) due.push_back(*thread);
    }
  }
  // The map is ahead of the ring: the stack and the task of a wait that has just begun are still on their way.
  if (!due.empty()) {
    if (auto status = consume(); !status) say(status.error().message());
  }
  for (const auto& thread : due) report_settled(thread, now_ns);
  for (auto& stall : builder_.take_unfinished()) report(std::move(stall), true);
}

void Tracker::finish(std::uint64_t now_ns) {
  for (auto& [pid, each] : targets_) {
    if (each.ended()) continue;
    for (const auto tid : each.loops()) {
      auto& loop = loops_[tid];
      loop.report_at_ns = 0;
      loop.reported_iteration = ~std::uint64_t{0};
      if (const auto thread = due_ongoing(tid, loop, now_ns, config_.warn_ns))
        report_thread(*thread, loop, now_ns, true);
    }
  }
  for (auto& stall : builder_.take_unfinished(true)) report(std::move(stall), true);
  if (untraced_ != 0)
    say(std::to_string(untraced_) + " processes or loops were not traced: the limit of open files was reached");
}

}  // namespace aiotrace::app

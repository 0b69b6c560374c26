#include "app/profiler.h"

#include <time.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "app/culprits.h"
#include "app/python_stack.h"
#include "app/seeding.h"
#include "decode/decode.h"
#include "model/cause.h"
#include "proc/file_budget.h"
#include "proc/syscalls.h"
#include "proc/thread_syscall.h"
#include "python/frames.h"
#include "python/threads.h"
#include "util/clock.h"
#include "util/log.h"

namespace aiotrace::app {
namespace {

using model::Cause;
using Kind = model::ProfileRow::Kind;
using State = model::ThreadNow::State;

// -a: new processes are found this often.
constexpr std::uint64_t kScanNs = 1'000'000'000;

std::optional<std::uint64_t> process_cpu_ns(std::uint32_t pid) {
  clockid_t clock{};
  if (clock_getcpuclockid(static_cast<pid_t>(pid), &clock) != 0) return std::nullopt;
  timespec time{};
  if (clock_gettime(clock, &time) != 0) return std::nullopt;
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_nsec);
}

bool is_epoll_or_select(const proc::ThreadSyscall& call) {
  if (proc::polled_epoll(call)) return true;
  const auto name = proc::syscall_name(call.number);
  return name == "select" || name == "pselect6" || name == "poll" || name == "ppoll";
}

}  // namespace

Profiler::Profiler(ProfilerConfig config, probe::Probe& probe)
    : config_(std::move(config)), probe_(probe), waits_(config_.mode != model::ProfileMode::cpu), targets_(probe) {
  if (config_.timeline) timeline_.emplace();
}

Status Profiler::add(Target added, TargetSet::Look look) {
  const auto pid = added.pid();
  const auto target = targets_.add(std::move(added), look);
  if (!target) return std::unexpected(target.error());
  const auto cpu_ns = process_cpu_ns(pid);
  cpu_known_ = cpu_known_ && cpu_ns;
  cpu_at_start_[pid] = cpu_ns.value_or(0);
  if (look == TargetSet::Look::fresh) return {};
  if (waits_) seed(**target);
  if (const auto refusal = (*target)->refusal())
    say("pid " + std::to_string(pid) + ": " + *refusal + "; its threads are profiled without Python frames");
  return {};
}

// Without this, a thread that waits now would be unknown until its wait ends.
void Profiler::seed(Target& target) {
  const auto* interpreter = target.interpreter();
  std::map<pid_t, python::PythonThread> python;
  if (interpreter != nullptr && interpreter->initialized)
    python = python::python_threads(*interpreter, target.process(), target.memory());
  for (const auto tid : target.process().threads()) {
    probe::ProfileSeed seed{.pid = target.pid(), .tid = static_cast<std::uint32_t>(tid), .idle = false, .waiting = {}};
    const auto known = python.find(tid);
    if (const auto call = proc::current_syscall(target.process().pid(), tid)) {
      std::vector<python::PythonFrame> stack;
      if (known != python.end()) stack = python::read_stack(*interpreter, target.memory(), known->second.tstate);
      const bool own_poll = stack.empty() ? proc::polled_epoll(*call).has_value()
                                          : is_epoll_or_select(*call) && python::runs_loop(stack);
      seed.idle = own_poll && !python::in_callback(stack);
      if (!seed.idle) {
        const auto cause = cause_of_call(target, call->number, call->arguments);
        const auto stack_id = stack.empty() ? 0 : seed_stack_id(stack);
        targets_.stacks().add(target.pid(), stack_id, to_stack(stack));
        seed.waiting = probe::ThreadSeed::Waiting{
            .cause = cause, .syscall = call->number, .args = call->arguments, .stack_id = stack_id};
      }
    }
    if (auto status = probe_.seed_profiled(seed); !status) say(status.error().message());
    (void)thread(target.pid(), seed.tid);
  }
}

void Profiler::add_running(std::uint64_t now_ns) {
  if (!config_.all || now_ns < next_scan_ns_) return;
  next_scan_ns_ = now_ns + kScanNs;
  targets_.scan(config_.filter, [this](Target found) {
    found.look();
    if (found.interpreter() == nullptr) return;
    if (auto status = add(std::move(found), TargetSet::Look::now); !status && config_.verbose)
      say(status.error().message());
  });
}

void Profiler::process_ended(std::uint32_t pid) {
  auto* found = targets_.find(pid);
  if (found == nullptr || found->ended()) return;
  // Its CPU time is available until its parent has waited for it.
  const auto cpu_ns = process_cpu_ns(pid);
  cpu_known_ = cpu_known_ && cpu_ns;
  cpu_ns_ += cpu_ns.value_or(0) - cpu_at_start_[pid];
  cpu_at_start_.erase(pid);
  targets_.mark_ended(*found);
}

Status Profiler::consume() {
  return probe_.consume([this](std::span<const std::byte> record) { take(record); });
}

void Profiler::take(std::span<const std::byte> record) {
  const auto event = decode::decode(record);
  if (!event) {
    user_losses_[static_cast<std::size_t>(model::Loss::bad_record)]++;
    return;
  }
  std::visit([this](const auto& each) { on(each); }, *event);
}

void Profiler::on(const model::CodeSeen& event) {
  if (!targets_.add(event)) user_losses_[static_cast<std::size_t>(model::Loss::name_unreadable)]++;
}

void Profiler::on(const model::StackSeen& event) { targets_.add(event); }

void Profiler::on(const model::TaskSeen& event) {
  model::Task task;
  // A name that is longer than its record is shown cut.
  if (event.name_known && config_.by == model::ProfileBy::task) task.name = event.name + (event.name_cut ? "…" : "");
  task.coroutine = event.qualname + (event.qualname_cut ? "…" : "");
  last_task_.insert_or_assign(event.head.tid, std::move(task));
}

void Profiler::on(const model::TargetSeen& event) { last_target_.insert_or_assign(event.head.tid, event); }

model::ProfileThread& Profiler::thread(std::uint32_t pid, std::uint32_t tid) {
  const auto [at, added] = threads_.try_emplace(ThreadId(pid, tid));
  if (added) {
    at->second.pid = pid;
    at->second.tid = tid;
    if (auto* owner = targets_.find(pid)) at->second.thread = owner->thread_name(tid);
  }
  return at->second;
}

model::ProfileRow Profiler::row_of(const model::EventHead& head, std::uint64_t stack_id, bool has_task) {
  model::ProfileRow row;
  row.pid = head.pid;
  row.tid = head.tid;
  row.thread = thread(head.pid, head.tid).thread;
  row.stack = targets_.stacks().find(head.pid, stack_id);
  if (stack_id != 0 && !row.stack) user_losses_[static_cast<std::size_t>(model::Loss::stack_missing)]++;
  if (has_task) {
    if (const auto task = last_task_.find(head.tid); task != last_task_.end()) row.task = task->second;
  }
  return row;
}

void Profiler::on(const model::Sample& event) {
  auto* seen = targets_.find(event.head.pid);
  if (seen == nullptr) return;
  thread(event.head.pid, event.head.tid).samples++;
  samples_++;
  if (config_.mode == model::ProfileMode::gil && !event.holds_gil) return;
  auto classified = classifier_.classify(*seen, event);
  auto row = row_of(event.head, event.stack_id, event.has_task);
  row.kind = Kind::sample;
  row.cause = classified.cause;
  row.syscall = std::move(classified.syscall);
  row.culprit = std::move(classified.culprit);
  row.holds_gil = event.holds_gil;
  row.count = 1;
  row.ns = static_cast<std::uint64_t>(std::llround(1e9 / config_.frequency_hz));
  if (timeline_) timeline_->add_sample(row, event.head.time_ns, row.ns);
  profile_.add(std::move(row));
}

std::optional<model::Culprit> Profiler::culprit_of(const model::Blocked& blocked) {
  if (blocked.cause == Cause::lock) return model::LockAt{.address = blocked.args[0]};
  if (blocked.has_target) {
    const auto seen = last_target_.find(blocked.head.tid);
    if (seen == last_target_.end() || seen->second.iteration != blocked.iteration) return std::nullopt;
    const auto* owner = targets_.find(blocked.head.pid);
    return culprit_of_target(blocked.cause, seen->second, owner != nullptr ? owner->working_directory() : "");
  }
  return blocked.cause == Cause::gil ? targets_.gil_holder(blocked) : std::nullopt;
}

// Names the process that had the CPU when the thread was switched in. Rows do not show that, because they add up the
// time of many processes.
model::ProfileRow with_runner(const model::ProfileRow& row, const model::Blocked& event) {
  auto reported = row;
  if (!model::runnable(row.cause) || event.runner_pid == 0) return reported;
  reported.culprit = model::Runners{{{.pid = event.runner_pid, .comm = event.runner_comm, .ns = 0}}};
  return reported;
}

// The runnable part has a row of its own.
void Profiler::add_wait(model::ProfileRow row, const model::Blocked& event) {
  row.kind = Kind::wait;
  row.count = 1;
  row.ns = row.max_ns = event.blocked_ns;
  auto& reported = reported_[ThreadId(row.pid, row.tid)];
  reported[model::index(row.cause)] += event.blocked_ns;
  if (timeline_) timeline_->add_wait(with_runner(row, event), event.start_ns, event.blocked_ns);
  if (event.runnable_ns != 0) {
    auto ready = row;
    ready.cause = event.throttled ? Cause::throttled : Cause::cpu_wait;
    ready.culprit.reset();
    ready.syscall.clear();
    ready.ns = ready.max_ns = event.runnable_ns;
    reported[model::index(ready.cause)] += event.runnable_ns;
    if (timeline_) timeline_->add_wait(with_runner(ready, event), event.start_ns + event.blocked_ns, event.runnable_ns);
    // The GIL is free: this part is CPU wait.
    if (config_.mode != model::ProfileMode::gil || row.holds_gil) profile_.add(std::move(ready));
  }
  profile_.add(std::move(row));
}

void Profiler::on(const model::Blocked& event) {
  waits_seen_++;
  auto row = row_of(event.head, event.stack_id, event.has_task);
  row.cause = event.cause;
  row.syscall = proc::syscall_name(event.syscall);
  row.culprit = culprit_of(event);
  row.holds_gil = event.holds_gil;
  if (model::runnable(event.cause)) row.syscall.clear();
  add_wait(std::move(row), event);
}

void Profiler::take_times(std::uint32_t pid, std::uint32_t tid, std::uint64_t end_ns) {
  const auto kept = probe_.thread(tid);
  const auto times = probe_.profiled(tid);
  if (!kept || !times || kept->pid != pid) return;
  auto& seen = thread(pid, tid);
  seen.elapsed_ns += end_ns - std::min<std::uint64_t>(times->first_ns, end_ns);
  seen.cpu_ns += times->cpu_ns;
  seen.idle_ns += times->idle_ns;
  for (std::size_t i = 0; i < model::kCauses; i++) seen.cause_ns[i] += kept->cause_ns[i];
  if (kept->state == State::running) {
    if (times->on_ns != 0 && times->on_ns < end_ns) seen.cpu_ns += end_ns - times->on_ns;
    return;
  }
  if (kept->since_ns == 0 || kept->since_ns >= end_ns) return;
  if (kept->state == State::in_poll) {
    seen.idle_ns += end_ns - kept->since_ns;
    return;
  }
  // The wait goes on: it counts up to now, regardless of --min.
  const auto woken_ns = kept->woken_ns > kept->since_ns && kept->woken_ns < end_ns ? kept->woken_ns : end_ns;
  const auto blocked_ns = woken_ns - kept->since_ns;
  const auto runnable_ns = end_ns - woken_ns;
  model::Blocked event{.head = {.pid = pid, .tid = tid, .time_ns = end_ns},
                       .iteration = kept->iteration,
                       .start_ns = kept->since_ns,
                       .blocked_ns = blocked_ns,
                       .runnable_ns = runnable_ns,
                       .stack_id = kept->switch_out.stack_id,
                       .args = kept->switch_out.args,
                       .cause = kept->switch_out.cause,
                       .syscall = kept->switch_out.syscall,
                       .holder_tstate = kept->switch_out.holder_tstate,
                       .holder_stack = kept->switch_out.holder_stack,
                       .holder_tid = kept->switch_out.holder_tid,
                       .has_task = kept->has_task,
                       .has_target = kept->switch_out.has_target,
                       .throttled = kept->throttled,
                       .holds_gil = kept->switch_out.holds_gil,
                       .runner_comm = {}};
  seen.cause_ns[model::index(event.cause)] += blocked_ns;
  seen.cause_ns[model::index(event.throttled ? Cause::throttled : Cause::cpu_wait)] += runnable_ns;
  if (config_.mode == model::ProfileMode::gil && event.cause != Cause::gil && !event.holds_gil) return;
  on(event);
}

void Profiler::on(const model::ThreadExit& event) {
  if (waits_) take_times(event.head.pid, event.head.tid, event.head.time_ns);
  probe_.remove_thread(event.head.tid);
  last_task_.erase(event.head.tid);
  last_target_.erase(event.head.tid);
}

void Profiler::on(const model::ProcessExit& event) { process_ended(event.head.pid); }

void Profiler::on(const model::ProcessExec& event) {
  auto* seen = targets_.find(event.head.pid);
  if (seen == nullptr) return;
  classifier_.forget(event.head.pid);
  targets_.exec(*seen, event.comm);
  if (!waits_) return;
  // The thread was reported as ended, but it continues as another program.
  const probe::ProfileSeed seed{.pid = event.head.pid, .tid = event.head.tid, .idle = false, .waiting = {}};
  if (auto status = probe_.seed_profiled(seed); !status && config_.verbose) say(status.error().message());
}

// Waits that were too short to be reported: the scheduler's sum minus the reported waits.
void Profiler::add_shorter(const model::ProfileThread& thread) {
  const auto reported = reported_[ThreadId(thread.pid, thread.tid)];
  for (std::size_t i = 0; i < model::kCauses; i++) {
    if (thread.cause_ns[i] <= reported[i]) continue;
    model::ProfileRow row;
    row.kind = Kind::shorter;
    row.pid = thread.pid;
    row.tid = thread.tid;
    row.thread = thread.thread;
    row.cause = static_cast<Cause>(i);
    row.ns = thread.cause_ns[i] - reported[i];
    profile_.add(std::move(row));
  }
  if (thread.idle_ns == 0) return;
  model::ProfileRow idle;
  idle.kind = Kind::idle;
  idle.pid = thread.pid;
  idle.tid = thread.tid;
  idle.thread = thread.thread;
  idle.ns = thread.idle_ns;
  profile_.add(std::move(idle));
}

model::ProfileReport Profiler::finish(std::uint64_t begin_ns) {
  // Otherwise a wait that ends after the last record and before the thread's sums are read is only in the sums: it has
  // no row of its own, and is in no timeline.
  probe_.stop();
  const auto now_ns = monotonic_ns();
  constexpr int kMostRounds = 40;  // of 30 ms each
  for (int round = 0; round < kMostRounds; ++round) {
    if (auto status = consume(); !status) say(status.error().message());
    if (probe_.drained()) break;
  }
  for (const auto& [pid, at_start] : cpu_at_start_) {
    const auto cpu_ns = process_cpu_ns(pid);
    cpu_known_ = cpu_known_ && cpu_ns;
    if (cpu_ns) cpu_ns_ += *cpu_ns - at_start;
  }
  model::ProfileReport report;
  if (waits_) {
    for (const auto tid : probe_.threads()) {
      if (const auto kept = probe_.thread(tid); kept && !kept->exited) take_times(kept->pid, tid, now_ns);
    }
  }
  const bool gil = config_.mode == model::ProfileMode::gil;
  for (const auto& [id, thread] : threads_) {
    report.samples += thread.samples;
    if (waits_ && config_.mode != model::ProfileMode::off_cpu && !(gil && thread.samples == 0))
      profile_.set_cpu_time(thread.pid, thread.tid, thread.thread, thread.cpu_ns, thread.samples);
    if (waits_ && !gil) add_shorter(thread);
    report.threads.push_back(thread);
  }
  report.time_ns = now_ns;
  report.elapsed_ns = now_ns - begin_ns;
  report.rows = profile_.rows();
  report.rows_over = profile_.over();
  report.timeline = std::move(timeline_);
  if (cpu_known_) report.process_cpu_ns = cpu_ns_;
  report.losses = user_losses_;
  const auto kernel = probe_.losses();
  for (std::size_t i = 0; i < kernel.size(); i++) report.losses[i] += kernel[i];
  report.losses[static_cast<std::size_t>(model::Loss::file_too_large)] += proc::FileBudget::of_program().refused();
  return report;
}

}  // namespace aiotrace::app

#include "app/profiler.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <string>

#include "app/culprits.h"
#include "app/outputs.h"
#include "app/python_stack.h"
#include "app/seeding.h"
#include "decode/decode.h"
#include "proc/syscalls.h"
#include "proc/thread_syscall.h"
#include "python/frames.h"
#include "python/threads.h"
#include "util/clock.h"

namespace aiotrace::app {
namespace {

using model::Cause;
using Kind = model::ProfileRow::Kind;

// A process that starts becomes Python within some tens of milliseconds: look often then, afterwards seldom.
constexpr std::uint64_t kStartupNs = 3'000'000'000;
constexpr std::uint64_t kStartupLookNs = 2'000'000;
constexpr std::uint64_t kLookNs = 200'000'000;
constexpr std::uint64_t kMaxLookNs = 10'000'000'000;
// -a: new processes are found this often.
constexpr std::uint64_t kScanNs = 1'000'000'000;

std::optional<std::uint64_t> process_cpu_ns(std::uint32_t pid) {
  clockid_t clock{};
  if (clock_getcpuclockid(static_cast<pid_t>(pid), &clock) != 0) return std::nullopt;
  timespec time{};
  if (clock_gettime(clock, &time) != 0) return std::nullopt;
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_nsec);
}

// Of a stack that user space has read itself. BPF's are hashes of other things.
std::uint64_t seed_stack_id(const std::vector<python::PythonFrame>& stack) {
  std::uint64_t hash = 0;
  for (const auto& frame : stack) hash = (hash ^ frame.code ^ frame.line) * 0x9e3779b97f4a7c15ull;
  return hash | 1;
}

bool is_epoll_or_select(const proc::ThreadSyscall& call) {
  if (proc::polled_epoll(call)) return true;
  const auto name = proc::syscall_name(call.number);
  return name == "select" || name == "pselect6" || name == "poll" || name == "ppoll";
}

}  // namespace

Profiler::Profiler(const ProfileCommandOptions& options, probe::Probe& probe)
    : options_(options),
      probe_(probe),
      waits_(options.mode != model::ProfileMode::cpu),
      filter_{.comm = options.comm, .cgroup = options.cgroup} {
  if (options.perfetto) timeline_.emplace();
}

Target* Profiler::target(std::uint32_t pid) {
  const auto found = targets_.find(pid);
  return found == targets_.end() ? nullptr : &found->second;
}

std::size_t Profiler::alive() const {
  return static_cast<std::size_t>(std::ranges::count_if(targets_, [](const auto& each) { return !each.second.ended; }));
}

Status Profiler::add(Target added, bool fresh) {
  const auto pid = added.pid();
  auto& target = targets_.insert_or_assign(pid, std::move(added)).first->second;
  if (!fresh) target.look();
  target.starting = fresh;
  if (auto status = probe_.set_process(pid, target.config()); !status) return status;
  const auto cpu_ns = process_cpu_ns(pid);
  cpu_known_ = cpu_known_ && cpu_ns;
  cpu_at_start_[pid] = cpu_ns.value_or(0);
  if (fresh) return {};
  if (waits_) seed(target);
  if (const auto refusal = target.refusal())
    say("pid " + std::to_string(pid) + ": " + *refusal + "; its threads are profiled without Python frames");
  return {};
}

// What waits now would else not be known before its wait has ended.
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
        stacks_.add(target.pid(), stack_id, to_stack(stack));
        seed.waiting = probe::ThreadSeed::Waiting{.cause = static_cast<std::uint32_t>(cause),
                                                  .syscall = call->number,
                                                  .args = call->arguments,
                                                  .stack_id = stack_id};
      }
    }
    if (auto status = probe_.seed_profiled(seed); !status) say(status.error().message());
    (void)thread(target.pid(), seed.tid);
  }
}

void Profiler::add_running(std::uint64_t now_ns) {
  if (!options_.all || now_ns < next_scan_ns_) return;
  next_scan_ns_ = now_ns + kScanNs;
  std::error_code error;
  for (std::filesystem::directory_iterator at("/proc", error), end; !error && at != end; at.increment(error)) {
    const auto name = at->path().filename().string();
    std::int32_t pid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ptr != name.data() + name.size()) continue;
    if (pid == getpid() || targets_.contains(static_cast<std::uint32_t>(pid))) continue;
    auto opened = Target::open(pid);
    if (!opened || !filter_.matches(opened->pid(), opened->comm())) continue;
    opened->look();
    if (opened->interpreter() == nullptr) continue;
    if (auto status = add(std::move(*opened), false); !status && options_.verbose) say(status.error().message());
  }
}

void Profiler::process_ended(std::uint32_t pid) {
  auto* found = target(pid);
  if (found == nullptr || found->ended) return;
  // Its time on the CPU stays until somebody has waited for it; then it is not known any more.
  const auto cpu_ns = process_cpu_ns(pid);
  cpu_known_ = cpu_known_ && cpu_ns;
  cpu_ns_ += cpu_ns.value_or(0) - cpu_at_start_[pid];
  cpu_at_start_.erase(pid);
  found->ended = true;
  probe_.remove_process(pid);
}

std::uint64_t Profiler::look(std::uint64_t now_ns) {
  std::uint64_t next = 0;
  for (auto& [pid, each] : targets_) {
    if (each.ended || each.settled()) continue;
    if (each.first_look_ns == 0) each.first_look_ns = now_ns;
    if (each.next_look_ns <= now_ns) {
      if (each.look()) {
        if (auto status = probe_.set_process(pid, each.config()); !status) say(status.error().message());
      }
      each.starting = each.starting && now_ns - each.first_look_ns < kStartupNs;
      each.look_interval_ns = each.starting ? kStartupLookNs
                                            : std::clamp(each.look_interval_ns * 2, kLookNs, kMaxLookNs);
      each.next_look_ns = now_ns + each.look_interval_ns;
    }
    if (!each.settled() && (next == 0 || each.next_look_ns < next)) next = each.next_look_ns;
  }
  return next;
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
  auto* seen = target(event.head.pid);
  if (!codes_.add(event, seen != nullptr ? seen->interpreter() : nullptr, seen != nullptr ? &seen->memory() : nullptr))
    user_losses_[static_cast<std::size_t>(model::Loss::name_unreadable)]++;
}

void Profiler::on(const model::StackSeen& event) {
  model::Stack stack;
  stack.reserve(event.frames.size());
  for (const auto& frame : event.frames) stack.push_back(codes_.resolve(event.head.pid, frame));
  stacks_.add(event.head.pid, event.stack_id, std::move(stack), event.unreadable, event.too_deep);
}

void Profiler::on(const model::TaskSeen& event) {
  model::Task task;
  // A name longer than its record is shown cut.
  if (event.name_known && options_.by == model::ProfileBy::task) task.name = event.name + (event.name_cut ? "…" : "");
  task.coroutine = event.qualname + (event.qualname_cut ? "…" : "");
  last_task_.insert_or_assign(event.head.tid, std::move(task));
}

void Profiler::on(const model::TargetSeen& event) { last_target_.insert_or_assign(event.head.tid, event); }

model::ProfileThread& Profiler::thread(std::uint32_t pid, std::uint32_t tid) {
  const auto [at, added] = threads_.try_emplace(ThreadId(pid, tid));
  if (added) {
    at->second.pid = pid;
    at->second.tid = tid;
    if (auto* owner = target(pid)) at->second.thread = owner->thread_name(tid);
  }
  return at->second;
}

model::ProfileRow Profiler::row_of(const model::EventHead& head, std::uint64_t stack_id, bool has_task) {
  model::ProfileRow row;
  row.pid = head.pid;
  row.tid = head.tid;
  row.thread = thread(head.pid, head.tid).thread;
  row.stack = stacks_.find(head.pid, stack_id);
  if (stack_id != 0 && !row.stack) user_losses_[static_cast<std::size_t>(model::Loss::stack_missing)]++;
  if (has_task) {
    if (const auto task = last_task_.find(head.tid); task != last_task_.end()) row.task = task->second;
  }
  return row;
}

void Profiler::on(const model::Sample& event) {
  auto* seen = target(event.head.pid);
  if (seen == nullptr) return;
  thread(event.head.pid, event.head.tid).samples++;
  if (options_.mode == model::ProfileMode::gil && !event.holds_gil) return;
  auto classified = classifier_.classify(*seen, event);
  auto row = row_of(event.head, event.stack_id, event.has_task);
  row.kind = Kind::sample;
  row.cause = classified.cause;
  row.syscall = std::move(classified.syscall);
  row.culprit = std::move(classified.culprit);
  row.holds_gil = event.holds_gil;
  row.count = 1;
  row.ns = static_cast<std::uint64_t>(std::llround(1e9 / options_.frequency_hz));
  if (timeline_) timeline_->add_sample(row, event.head.time_ns, row.ns);
  profile_.add(std::move(row));
}

std::optional<model::Culprit> Profiler::culprit_of(const model::Blocked& blocked) {
  auto* owner = target(blocked.head.pid);
  if (blocked.cause == Cause::lock) {
    model::Culprit culprit;
    culprit.address = blocked.args[0];
    return culprit;
  }
  if (blocked.has_target) {
    const auto seen = last_target_.find(blocked.head.tid);
    if (seen == last_target_.end() || seen->second.iteration != blocked.iteration) return std::nullopt;
    return culprit_of_target(blocked.cause, seen->second, owner != nullptr ? owner->working_directory() : "");
  }
  if (blocked.cause != Cause::gil || blocked.holder_tstate == 0 || owner == nullptr) return std::nullopt;
  // The id is what a C library's structure said: believed only if such a thread is there.
  const auto tid = owner->own_tid(blocked.holder_tid);
  if (!tid || *tid == blocked.head.tid) return std::nullopt;
  model::Culprit culprit;
  culprit.tid = *tid;
  culprit.thread = owner->thread_name(*tid);
  if (const auto stack = stacks_.find(blocked.head.pid, blocked.holder_stack)) culprit.stack = stack->copy();
  return culprit;
}

// Whoever had the CPU when the thread came to it. Rows do not tell: they add up what many runners took.
model::ProfileRow with_runner(const model::ProfileRow& row, const model::Blocked& event) {
  auto told = row;
  if ((row.cause != Cause::cpu_wait && row.cause != Cause::throttled) || event.runner_pid == 0) return told;
  told.culprit.emplace().running.push_back({.pid = event.runner_pid, .comm = event.runner_comm, .ns = 0});
  return told;
}

// The part of it in which it was ready to run is a row of its own.
void Profiler::add_wait(model::ProfileRow row, const model::Blocked& event) {
  row.kind = Kind::wait;
  row.count = 1;
  row.ns = row.max_ns = event.blocked_ns;
  auto& told = told_[ThreadId(row.pid, row.tid)];
  told[model::index(row.cause)] += event.blocked_ns;
  if (timeline_) timeline_->add_wait(with_runner(row, event), event.start_ns, event.blocked_ns);
  if (event.runnable_ns != 0) {
    auto ready = row;
    ready.cause = event.throttled ? Cause::throttled : Cause::cpu_wait;
    ready.culprit.reset();
    ready.syscall.clear();
    ready.ns = ready.max_ns = event.runnable_ns;
    told[model::index(ready.cause)] += event.runnable_ns;
    if (timeline_) timeline_->add_wait(with_runner(ready, event), event.start_ns + event.blocked_ns, event.runnable_ns);
    // The one who waits for the GIL waits for a CPU then: for nobody's lock any more.
    if (options_.mode != model::ProfileMode::gil || row.holds_gil) profile_.add(std::move(ready));
  }
  profile_.add(std::move(row));
}

void Profiler::on(const model::Blocked& event) {
  auto row = row_of(event.head, event.stack_id, event.has_task);
  row.cause = event.cause;
  row.syscall = proc::syscall_name(event.syscall);
  row.culprit = culprit_of(event);
  row.holds_gil = event.holds_gil;
  if (event.cause == Cause::cpu_wait || event.cause == Cause::throttled) row.syscall.clear();
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
  if (kept->off == OFF_NOT) {
    if (times->on_ns != 0 && times->on_ns < end_ns) seen.cpu_ns += end_ns - times->on_ns;
    return;
  }
  if (kept->off_ns == 0 || kept->off_ns >= end_ns) return;
  if (kept->off == OFF_IN_POLL) {
    seen.idle_ns += end_ns - kept->off_ns;
    return;
  }
  if (kept->wait.cause >= CAUSE_MAX) return;
  // It goes on: up to here it counts, whatever --min says.
  const auto woken_ns = kept->wake_ns > kept->off_ns && kept->wake_ns < end_ns ? kept->wake_ns : end_ns;
  const auto blocked_ns = woken_ns - kept->off_ns;
  const auto runnable_ns = end_ns - woken_ns;
  model::Blocked event{.head = {.pid = pid, .tid = tid, .time_ns = end_ns},
                       .iteration = kept->iteration,
                       .start_ns = kept->off_ns,
                       .blocked_ns = blocked_ns,
                       .runnable_ns = runnable_ns,
                       .stack_id = kept->wait.stack_id,
                       .args = {kept->wait.args[0], kept->wait.args[1], kept->wait.args[2], kept->wait.args[3]},
                       .cause = static_cast<Cause>(kept->wait.cause),
                       .syscall = kept->wait.syscall,
                       .holder_tstate = kept->wait.holder_tstate,
                       .holder_stack = kept->wait.holder_stack,
                       .holder_tid = kept->wait.holder_tid,
                       .has_task = kept->has_task != 0,
                       .has_target = kept->wait.target == TARGET_TOLD,
                       .throttled = kept->throttled != 0,
                       .holds_gil = kept->wait.holds_gil != 0,
                       .runner_comm = {}};
  seen.cause_ns[model::index(event.cause)] += blocked_ns;
  seen.cause_ns[model::index(event.throttled ? Cause::throttled : Cause::cpu_wait)] += runnable_ns;
  if (options_.mode == model::ProfileMode::gil && event.cause != Cause::gil && !event.holds_gil) return;
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
  auto* seen = target(event.head.pid);
  if (seen == nullptr) return;
  stacks_.forget(event.head.pid);
  codes_.forget(event.head.pid);
  classifier_.forget(event.head.pid);
  seen->forget_image();
  seen->rename(event.comm);
  seen->first_look_ns = seen->next_look_ns = monotonic_ns();
  if (!waits_) return;
  // The thread was told of as ended: it goes on as another program.
  const probe::ProfileSeed seed{.pid = event.head.pid, .tid = event.head.tid, .idle = false, .waiting = {}};
  if (auto status = probe_.seed_profiled(seed); !status && options_.verbose) say(status.error().message());
}

// What was too short to be told of: the scheduler's sum without what was.
void Profiler::add_shorter(const model::ProfileThread& thread) {
  const auto told = told_[ThreadId(thread.pid, thread.tid)];
  for (std::size_t i = 0; i < model::kCauses; i++) {
    if (thread.cause_ns[i] <= told[i]) continue;
    model::ProfileRow row;
    row.kind = Kind::shorter;
    row.pid = thread.pid;
    row.tid = thread.tid;
    row.thread = thread.thread;
    row.cause = static_cast<Cause>(i);
    row.ns = thread.cause_ns[i] - told[i];
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

output::ProfileReport Profiler::finish(std::uint64_t begin_ns, std::uint64_t now_ns) {
  for (const auto& [pid, at_start] : cpu_at_start_) {
    const auto cpu_ns = process_cpu_ns(pid);
    cpu_known_ = cpu_known_ && cpu_ns;
    if (cpu_ns) cpu_ns_ += *cpu_ns - at_start;
  }
  output::ProfileReport report;
  if (waits_) {
    for (const auto tid : probe_.threads()) {
      if (const auto kept = probe_.thread(tid); kept && kept->exited == 0) take_times(kept->pid, tid, now_ns);
    }
  }
  const bool gil = options_.mode == model::ProfileMode::gil;
  for (const auto& [id, thread] : threads_) {
    report.samples += thread.samples;
    if (waits_ && options_.mode != model::ProfileMode::off_cpu && !(gil && thread.samples == 0))
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
  return report;
}

}  // namespace aiotrace::app

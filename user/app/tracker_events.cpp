// What the records of the ring buffer say, one kind of event after the other.
#include <sys/wait.h>

#include <algorithm>
#include <cstring>

#include "app/culprits.h"
#include "app/tracker.h"
#include "decode/decode.h"
#include "model/runners.h"
#include "proc/syscalls.h"
#include "python/text.h"
#include "util/log.h"

namespace aiotrace::app {

namespace {

// A thread's control group and its quota are read again after this: it may have been moved.
constexpr std::uint64_t kQuotaValidNs = 20'000'000;

}  // namespace

Status Tracker::consume() {
  return probe_.consume([this](std::span<const std::byte> record) { take(record); });
}

void Tracker::take(std::span<const std::byte> record) {
  const auto event = decode::decode(record);
  if (!event) {
    lose(model::Loss::bad_record);
    return;
  }
  std::visit([this](const auto& each) { on(each); }, *event);
}

void Tracker::on(const model::LoopSeen& event) {
  auto* seen = target_or_new(event);
  if (seen == nullptr) return;
  if (auto status = probe_.sample_thread(event.head.tid); !status) {
    note_untraced();
    if (config_.verbose) say(status.error().message());
  }
  // The first poll of a Python that was not ready when it was last looked at.
  if (!seen->settled() && seen->look()) {
    if (auto status = seen->trace_by(probe_); !status) say(status.error().message());
  }
  seen->add_loop(event.head.tid);
  times_.begin(event.head.pid);
  seen->want_queues();
  // Threads that come and go must not fill the memory: of very many, the rows of those that ended are dropped.
  constexpr std::size_t kMaxLoops = 16384;
  if (loops_.size() >= kMaxLoops) std::erase_if(loops_, [](const auto& each) { return each.second.ended; });
  auto& loop = loops_[event.head.tid];
  if (loop.pid != event.head.pid) loop = Loop{};
  if (loop.seen_ns == 0) loop.seen_ns = event.head.time_ns;
  loop.pid = event.head.pid;
  shared_.polls(event.head.pid, event.head.tid, event.source == model::LoopSource::plain ? event.epfd : -1);
  loop.kind_known = false;
  name_kind(*seen, event.head.tid, event.source, loop);
  loop.thread = seen->thread_name(event.head.tid);
  loop.comm = seen->comm();
  if (loop.kind == model::LoopKind::other) want_kind(event);
  if (config_.verbose)
    say("pid " + std::to_string(loop.pid) + " thread " + std::to_string(event.head.tid) + " (" + loop.thread +
        "): a loop on epoll " + std::to_string(event.epfd));
}

void Tracker::on(const model::CodeSeen& event) {
  if (!targets_.add(event)) lose(model::Loss::name_unreadable);
}

void Tracker::on(const model::StackSeen& event) {
  targets_.add(event);
  if (config_.native) natives_.add(event);
}

void Tracker::on(const model::NativeSeen& event) { natives_.add(event); }

void Tracker::on(const model::RunsSeen& event) { last_runs_.insert_or_assign(event.head.tid, event); }

// The id of the stack with its native frames, as far as they are known.
std::uint64_t Tracker::with_native(const model::EventHead& head, std::uint64_t iteration, std::uint64_t python_stack) {
  const auto* copy = natives_.copy_of(head, iteration);
  auto* owner = targets_.find(head.pid);
  return copy == nullptr || owner == nullptr ? python_stack : natives_.merge(*owner, *copy, python_stack);
}

void Tracker::on(const model::TaskSeen& event) {
  auto* owner = targets_.find(event.head.pid);
  const auto* interpreter = owner != nullptr ? owner->interpreter() : nullptr;
  if (interpreter == nullptr || (!event.name_cut && !event.qualname_cut)) {
    place(event.head, event.iteration, event);
    return;
  }
  // Read from the process while the task is there.
  constexpr std::size_t kMaxName = std::size_t{64} * 1024;
  const auto& layout = interpreter->layout;
  const auto whole = [](std::optional<std::string> read, std::string& text) {
    // Another task may live at the address by now: its name goes on as ours began, or it is not believed.
    if (read && read->starts_with(text)) text = std::move(*read);
  };
  auto complete = event;
  if (event.name_cut) whole(python::read_task_name(owner->memory(), layout, event.task, kMaxName), complete.name);
  if (event.qualname_cut)
    whole(python::read_coroutine_name(owner->memory(), layout, event.coroutine, kMaxName), complete.qualname);
  place(event.head, event.iteration, std::move(complete));
}

namespace {

// The child that the call itself names. Its command is not known: the end of the wait was not seen by the scheduler's
// event, and the child has been reaped since.
std::optional<model::Culprit> child_of_call(const model::Blocked& blocked, const Target* owner) {
  if (owner == nullptr || owner->process().in_pid_namespace()) return std::nullopt;
  const auto call = proc::syscall_name(blocked.syscall);
  std::int32_t pid = 0;
  if (call == "wait4") pid = static_cast<std::int32_t>(blocked.args[0]);
  if (call == "waitid" && blocked.args[0] == P_PID) pid = static_cast<std::int32_t>(blocked.args[1]);
  if (pid <= 0) return std::nullopt;
  return model::ChildProcess{.pid = static_cast<std::uint32_t>(pid)};
}

}  // namespace

std::optional<model::Culprit> Tracker::culprit_of(const model::Blocked& blocked) {
  const auto loop = loops_.find(blocked.head.tid);
  const bool found = loop != loops_.end() && loop->second.found_wait &&
                     loop->second.found_wait->since_ns == blocked.start_ns;
  if (found && (loop->second.found_wait->culprit || blocked.cause != model::Cause::lock))
    return loop->second.found_wait->culprit;
  if (blocked.cause == model::Cause::lock) return model::LockAt{.address = blocked.args[0]};
  if (blocked.has_target) {
    const auto seen = last_target_.find(blocked.head.tid);
    if (seen == last_target_.end() || seen->second.iteration != blocked.iteration) return std::nullopt;
    const auto* owner = targets_.find(blocked.head.pid);
    return culprit_of_target(blocked.cause, seen->second, owner != nullptr ? owner->working_directory() : "");
  }
  if (blocked.cause == model::Cause::process) return child_of_call(blocked, targets_.find(blocked.head.pid));
  return blocked.cause == model::Cause::gil ? targets_.gil_holder(blocked) : std::nullopt;
}

void Tracker::on(const model::TargetSeen& event) {
  if (event.kind == model::TargetSeen::Kind::address)
    release_fault(event.head.tid, &event);
  else
    last_target_.insert_or_assign(event.head.tid, event);
}

void Tracker::release_fault(std::uint32_t tid, const model::TargetSeen* seen) {
  auto waiting = faults_.extract(tid);
  if (!waiting) return;
  auto& block = waiting.mapped();
  auto* owner = targets_.find(block.blocked.head.pid);
  if (seen != nullptr && owner != nullptr && seen->iteration == block.blocked.iteration) {
    if (auto path = owner->mapped_file(seen->address); !path.empty())
      block.culprit = model::MappedFile{.path = std::move(path)};
  }
  place(block.blocked.head, block.blocked.iteration, block);
}

// Whom a thread that is ready to run waits for: who ran instead, or the quota that is used up.
std::optional<model::Culprit> Tracker::culprit_of_runnable(const model::Blocked& blocked, bool throttled) {
  if (!throttled) {
    model::Runners culprit;
    const auto seen = last_runs_.find(blocked.head.tid);
    if (blocked.has_runs && seen != last_runs_.end() && seen->second.iteration == blocked.iteration)
      culprit.running = model::runners_of(seen->second);
    if (!culprit.running.empty()) return culprit;
    if (blocked.runner_pid == 0) return std::nullopt;
    culprit.running.push_back({.pid = blocked.runner_pid, .comm = blocked.runner_comm, .ns = 0});
    return culprit;
  }
  auto& cached = quotas_[blocked.head.tid];
  if (cached.read_ns + kQuotaValidNs < blocked.head.time_ns) {
    cached.read_ns = blocked.head.time_ns;
    cached.quota = cpu_quota(blocked.head.pid, blocked.head.tid);
  }
  if (!cached.quota) return std::nullopt;
  return model::CpuQuota{.cgroup = cached.quota->cgroup,
                         .quota_us = cached.quota->quota_us,
                         .period_us = cached.quota->period_us};
}

void Tracker::on(const model::Blocked& event) {
  const bool runnable = event.cause == model::Cause::cpu_wait || event.cause == model::Cause::throttled;
  model::ClassifiedBlock block{.blocked = event,
                               .syscall = std::string(proc::syscall_name(event.syscall)),
                               .culprit = {},
                               .runnable_culprit = {}};
  if (event.has_native) block.blocked.stack_id = with_native(event.head, event.iteration, event.stack_id);
  if (runnable) {
    block.culprit = culprit_of_runnable(event, event.cause == model::Cause::throttled);
  } else {
    block.culprit = culprit_of(event);
    if (event.runnable_ns != 0) block.runnable_culprit = culprit_of_runnable(event, event.throttled);
  }
  release_fault(event.head.tid, nullptr);
  if (event.cause == model::Cause::fault)
    faults_.insert_or_assign(event.head.tid, std::move(block));
  else
    place(event.head, event.iteration, std::move(block));
}

// The caller of a leaf is then found in the copy of the stack.
void Tracker::keep_words(model::Sample& sample) const {
  const auto* copy = natives_.copy_of(sample.head, sample.iteration);
  if (copy == nullptr || sample.kernel) return;
  sample.words.resize(std::min(model::Sample::kMostWords, copy->stack.size() / sizeof(std::uint64_t)));
  std::memcpy(sample.words.data(), copy->stack.data(), sample.words.size() * sizeof(std::uint64_t));
}

void Tracker::on(const model::Sample& event) {
  if (auto status = fine_.on(event); !status) {
    note_untraced();
    if (config_.verbose) say(status.error().message());
  }
  place(event.head, event.iteration, event);
}

void Tracker::give(const model::Sample& event) {
  auto* seen = targets_.find(event.head.pid);
  if (seen == nullptr) return;
  if (!event.has_native) {
    builder_.add(classifier_.classify(*seen, event));
    return;
  }
  auto sample = event;
  keep_words(sample);
  auto classified = classifier_.classify(*seen, sample);
  classified.stack_id = with_native(event.head, event.iteration, event.stack_id);
  builder_.add(classified);
}

void Tracker::give_held(std::uint32_t tid, std::uint64_t iteration) {
  for (const auto& event : held_.release(tid, iteration)) std::visit([this](const auto& each) { give(each); }, event);
}

void Tracker::place(const model::EventHead& head, std::uint64_t iteration, HeldEvents::Event event) {
  // A fault without an address (a wait for the lock of the mappings has none) is reported before what came after it.
  const auto fault = faults_.find(head.tid);
  if (fault != faults_.end() && fault->second.blocked.iteration != iteration) release_fault(head.tid, nullptr);
  // Native stacks need the thread's last copy, so the event is reported at once.
  if (config_.native) {
    std::visit([this](const auto& each) { give(each); }, event);
    return;
  }
  switch (held_.hold(head.tid, iteration, event)) {
    case HeldEvents::Verdict::held: return;
    case HeldEvents::Verdict::held_anew: builder_.begin(head, iteration); return;
    case HeldEvents::Verdict::full:
      give_held(head.tid, iteration);
      std::visit([this](const auto& each) { give(each); }, event);
  }
}

void Tracker::on(const model::IterationEnd& event) {
  release_fault(event.head.tid, nullptr);
  give_held(event.head.tid, event.iteration);
  if (event.losses != 0) lose(model::Loss::iteration_incomplete);
  report(builder_.end(event), false);
}

void Tracker::on(const model::ProcessExec& event) {
  auto* seen = targets_.find(event.head.pid);
  if (seen == nullptr) return;
  builder_.forget_process(event.head.pid);
  forget_image(event.head.pid);
  for (const auto tid : seen->loops()) {
    fine_.forget_thread(tid);
    held_.forget_thread(tid);  // the new image counts its iterations from the beginning
    end_loop(tid, event.head.time_ns);
    probe_.remove_thread(tid);
  }
  shared_.forget_process(event.head.pid);
  targets_.exec(*seen, event.comm);
  sink_.process_seen(event.head.pid, event.comm);
  probe_.detach_uprobes(event.head.pid);
}

void Tracker::on(const model::ThreadExit& event) {
  builder_.forget_thread(event.head.pid, event.head.tid);
  if (const auto loop = loops_.find(event.head.tid); loop != loops_.end() && loop->second.pid == event.head.pid) {
    if (const auto counters = probe_.counters(event.head.tid)) loop->second.last = *counters;
    loop->second.ended = true;
    end_loop(event.head.tid, event.head.time_ns);
  }
  probe_.remove_thread(event.head.tid);
  last_target_.erase(event.head.tid);
  last_runs_.erase(event.head.tid);
  quotas_.erase(event.head.tid);
  shared_.forget_thread(event.head.pid, event.head.tid);
  faults_.erase(event.head.tid);
  held_.forget_thread(event.head.tid);
  natives_.forget_thread(event.head.tid);
  fine_.forget_thread(event.head.tid);
  if (auto* seen = targets_.find(event.head.pid)) seen->remove_loop(event.head.tid);
}

void Tracker::on(const model::ProcessExit& event) {
  builder_.forget_process(event.head.pid);
  process_ended(event.head.pid);
}

void Tracker::on(const model::ProcessFork& event) {
  if (!config_.follow || targets_.find(event.child_pid) != nullptr) return;
  auto opened = Target::open(static_cast<std::int32_t>(event.child_pid));
  if (!opened) return;  // ended meanwhile
  if (auto status = add(std::move(*opened), TargetSet::Look::now); !status) say(status.error().message());
}

}  // namespace aiotrace::app

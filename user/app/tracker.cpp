#include "app/tracker.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>

#include "abi/records.h"
#include "app/culprits.h"
#include "app/open_files.h"
#include "app/present_wait.h"
#include "app/seeding.h"
#include "app/uprobe_places.h"
#include "decode/decode.h"
#include "proc/syscalls.h"
#include "proc/thread_syscall.h"
#include "python/text.h"
#include "python/threads.h"

namespace aiotrace::app {

namespace {

// A process that starts becomes Python, and its Python becomes asyncio, within some tens of milliseconds: look often
// then, so that the first stall has its frames. Afterwards seldom.
constexpr std::uint64_t kStartupNs = 3'000'000'000;
constexpr std::uint64_t kStartupLookNs = 2'000'000;
constexpr std::uint64_t kLookNs = 200'000'000;
constexpr std::uint64_t kMaxLookNs = 10'000'000'000;
// Longest interval between two tellings of a stall that goes on.
constexpr std::uint64_t kMaxTellNs = 60'000'000'000;
// A thread's control group and its quota are read again after this: it may have been moved.
constexpr std::uint64_t kQuotaValidNs = 20'000'000;
// Of --native: one Python stack has many native ones, and they must not push it out.
constexpr std::size_t kNativeStacks = 4 * model::StackStore::kDefaultCapacity;

std::size_t index(model::Loss loss) { return static_cast<std::size_t>(loss); }

}  // namespace

Tracker::Tracker(const Options& options, probe::Probe& probe, Outputs& outputs)
    : options_(options),
      probe_(probe),
      outputs_(outputs),
      stacks_(options.native ? kNativeStacks : model::StackStore::kDefaultCapacity),
      builder_(options.error_ns, stacks_,
               [this](std::uint32_t pid, std::uint64_t code_id) { return codes_.definition(pid, code_id); }),
      natives_(classifier_.symbolizer(), stacks_),
      filter_{.comm = options.comm, .cgroup = options.cgroup},
      start_ns_(monotonic_ns()) {}

Target* Tracker::target(std::uint32_t pid) {
  const auto found = targets_.find(pid);
  return found == targets_.end() ? nullptr : &found->second;
}

// A machine's processes come and go: their descriptors and names must not stay.
void Tracker::drop_ended() {
  if (!options_.all && !options_.follow) return;
  std::erase_if(targets_, [this](const auto& each) {
    if (!each.second.ended) return false;
    forget_image(each.first);
    return true;
  });
}

void Tracker::forget_image(std::uint32_t pid) {
  codes_.forget(pid);
  stacks_.forget(pid);
  classifier_.forget(pid);
  natives_.forget(pid);
}

std::size_t Tracker::alive() const {
  return static_cast<std::size_t>(std::ranges::count_if(targets_, [](const auto& each) { return !each.second.ended; }));
}

Status Tracker::tell_probe(Target& target) { return probe_.set_process(target.pid(), target.config()); }

void Tracker::attach_uprobes(Target& target) {
  if (probe_.poll_probe() != probe::PollProbe::uprobe) return;
  probe_.detach_uprobes(target.pid());
  std::size_t attached = 0;
  for (const auto& place : uprobe_places(target.process(), target.maps())) {
    const auto status = probe_.attach_uprobe(target.pid(), place.path, place.offset, place.epoll);
    if (status)
      attached++;
    else if (options_.verbose)
      say(status.error().message());
  }
  if (attached == 0 && target.settled())
    say("pid " + std::to_string(target.pid()) +
        ": no epoll_wait to set a uprobe on (a static program without symbols)");
}

// A thread that waits in a poll now was not seen to enter it; another may be in mid-stall.
void Tracker::seed(Target& target) {
  for (auto& [seed, stack, task, code, start_known, culprit, native] : threads_to_seed(target)) {
    if (seed.waiting) {
      stacks_.add(target.pid(), seed.waiting->stack_id, std::move(stack));
      if (options_.native) seed.waiting->stack_id = natives_.merge(target, native, seed.waiting->stack_id);
      seed.waiting->has_task = task.has_value();
      if (code) codes_.add(*code, target.interpreter(), nullptr);
      if (task) builder_.add(*task);
    }
    if (auto status = probe_.seed_thread(seed); !status) say(status.error().message());
    if (has_moved_on(target, seed, start_known)) {
      probe_.remove_thread(seed.tid);
      continue;
    }
    if (auto status = probe_.sample_thread(seed.tid); !status) {
      note_untraced();
      if (options_.verbose) say(status.error().message());
    }
    target.loops.insert(seed.tid);
    auto& loop = loops_[seed.tid];
    loop.pid = target.pid();
    loop.thread = target.thread_name(seed.tid);
    loop.start_known = start_known;
    if (seed.waiting) loop.found_wait = FoundWait{.since_ns = seed.began_ns, .culprit = std::move(culprit)};
    if (seed.python && target.interpreter()->asyncio_loaded)
      loop.kind = target.loop_kind(target.interpreter()->uvloop ? LOOP_PYTHON : LOOP_ASYNCIO);
  }
}

Status Tracker::add(Target added, Look look) {
  const auto pid = added.pid();
  auto& target = targets_.insert_or_assign(pid, std::move(added)).first->second;
  if (look == Look::now) target.look();
  if (look == Look::later) target.next_look_ns = 1;  // due at once, after those before it
  if (auto status = tell_probe(target); !status) return status;
  target.starting = look == Look::fresh;
  if (look == Look::fresh) return {};
  attach_uprobes(target);
  seed(target);
  if (const auto refusal = target.refusal())
    say("pid " + std::to_string(pid) + ": " + *refusal + "; its loops are traced without Python frames");
  return {};
}

std::size_t Tracker::add_all_running() {
  std::size_t added = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator at("/proc", error), end; !error && at != end; at.increment(error)) {
    const auto name = at->path().filename().string();
    std::int32_t pid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ptr != name.data() + name.size()) continue;
    if (pid == getpid() || targets_.contains(static_cast<std::uint32_t>(pid))) continue;
    auto opened = Target::open(pid);
    if (!opened) note_untraced();
    if (!opened || !filter_.matches(opened->pid(), opened->comm())) continue;
    const auto threads = opened->process().threads();
    if (std::ranges::none_of(threads, [&](pid_t tid) { return proc::polled_epoll(pid, tid).has_value(); })) continue;
    if (add(std::move(*opened), Look::later)) added++;
  }
  return added;
}

void Tracker::note_untraced() {
  if (!no_more_open_files()) return;
  if (untraced_++ == 0)
    say("no more files can be opened (limit " + std::to_string(open_files_limit()) +
        "): some processes are not traced, or without samples; raise it with ulimit -n, or watch fewer");
}

// BPF would tell of each of its polls again: it has to know that nobody asked for it.
void Tracker::ignore(std::uint32_t pid, std::uint32_t tid) {
  process_config config{};
  config.flags = PROCESS_IGNORED;
  if (auto status = probe_.set_process(pid, config); !status && options_.verbose) say(status.error().message());
  probe_.remove_thread(tid);
}

Target* Tracker::target_or_new(const model::LoopSeen& event) {
  if (auto* known = target(event.head.pid); known != nullptr && !known->ended) return known;
  if (!options_.all && !options_.follow) return nullptr;
  auto opened = Target::open(static_cast<std::int32_t>(event.head.pid));
  if (!opened) {  // ended meanwhile, or
    note_untraced();
    return nullptr;
  }
  if (options_.all && !filter_.matches(opened->pid(), opened->comm())) {
    ignore(event.head.pid, event.head.tid);
    return nullptr;
  }
  if (auto status = add(std::move(*opened), Look::now); !status) say(status.error().message());
  return target(event.head.pid);
}

void Tracker::process_ended(std::uint32_t pid) {
  auto* found = target(pid);
  if (found == nullptr || found->ended) return;
  found->ended = true;
  probe_.remove_process(pid);
}

Status Tracker::consume() {
  return probe_.consume([this](std::span<const std::byte> record) { take(record); });
}

void Tracker::take(std::span<const std::byte> record) {
  const auto event = decode::decode(record);
  if (!event) {
    user_losses_[index(model::Loss::bad_record)]++;
    return;
  }
  std::visit([this](const auto& each) { on(each); }, *event);
}

void Tracker::on(const model::LoopSeen& event) {
  auto* seen = target_or_new(event);
  if (seen == nullptr) return;
  if (auto status = probe_.sample_thread(event.head.tid); !status) {
    note_untraced();
    if (options_.verbose) say(status.error().message());
  }
  // The first poll of a Python that was not ready when it was last looked at.
  if (!seen->settled() && seen->look()) {
    if (auto status = tell_probe(*seen); !status) say(status.error().message());
  }
  seen->loops.insert(event.head.tid);
  // Threads that come and go must not fill the memory: of very many, the rows of those that ended are dropped.
  constexpr std::size_t kMaxLoops = 16384;
  if (loops_.size() >= kMaxLoops) std::erase_if(loops_, [](const auto& each) { return each.second.ended; });
  auto& loop = loops_[event.head.tid];
  if (loop.pid != event.head.pid) loop = Loop{};
  loop.pid = event.head.pid;
  loop.kind = seen->loop_kind(static_cast<std::uint32_t>(event.source));
  loop.thread = seen->thread_name(event.head.tid);
  if (options_.verbose)
    say("pid " + std::to_string(loop.pid) + " thread " + std::to_string(event.head.tid) + " (" + loop.thread +
        "): a loop on epoll " + std::to_string(event.epfd));
}

void Tracker::on(const model::CodeSeen& event) {
  auto* seen = target(event.head.pid);
  if (!codes_.add(event, seen != nullptr ? seen->interpreter() : nullptr, seen != nullptr ? &seen->memory() : nullptr))
    user_losses_[index(model::Loss::name_unreadable)]++;
}

void Tracker::on(const model::StackSeen& event) {
  model::Stack stack;
  stack.reserve(event.frames.size());
  for (const auto& frame : event.frames) stack.push_back(codes_.resolve(event.head.pid, frame));
  stacks_.add(event.head.pid, event.stack_id, std::move(stack), event.unreadable, event.too_deep);
  if (options_.native) natives_.add(event);
}

void Tracker::on(const model::NativeSeen& event) { natives_.add(event); }

// The id of the stack with its native frames, as far as they are known.
std::uint64_t Tracker::with_native(const model::EventHead& head, std::uint64_t iteration, std::uint64_t python_stack) {
  const auto* copy = natives_.copy_of(head, iteration);
  auto* owner = target(head.pid);
  return copy == nullptr || owner == nullptr ? python_stack : natives_.merge(*owner, *copy, python_stack);
}

void Tracker::on(const model::TaskSeen& event) {
  auto* owner = target(event.head.pid);
  const auto* interpreter = owner != nullptr ? owner->interpreter() : nullptr;
  if (interpreter == nullptr || (!event.name_cut && !event.qualname_cut)) {
    place(event.head, event.iteration, event);
    return;
  }
  // Read from the process while the task is there.
  constexpr std::size_t kMaxName = std::size_t{64} * 1024;
  const auto& layout = interpreter->layout;
  const auto whole = [&](std::uint64_t object, std::uint32_t offset, std::string& text) {
    const auto name = owner->memory().pointer(object + offset);
    auto read = name ? python::read_text(owner->memory(), layout, *name, kMaxName) : std::nullopt;
    // Another task may live at the address by now: its name goes on as ours began, or it is not believed.
    if (read && read->starts_with(text)) text = std::move(*read);
  };
  auto complete = event;
  if (event.name_cut) whole(event.task, layout.bpf.task_name, complete.name);
  if (event.qualname_cut) whole(event.coroutine, layout.bpf.gen_qualname, complete.qualname);
  place(event.head, event.iteration, std::move(complete));
}

std::optional<model::Culprit> Tracker::culprit_of(const model::Blocked& blocked) {
  model::Culprit culprit;
  if (blocked.cause == model::Cause::lock) {
    culprit.address = blocked.args[0];
    return culprit;
  }
  auto* owner = target(blocked.head.pid);
  const auto loop = loops_.find(blocked.head.tid);
  if (loop != loops_.end() && loop->second.found_wait && loop->second.found_wait->since_ns == blocked.start_ns)
    return loop->second.found_wait->culprit;
  if (blocked.has_target) {
    const auto seen = last_target_.find(blocked.head.tid);
    if (seen == last_target_.end() || seen->second.iteration != blocked.iteration) return std::nullopt;
    return culprit_of_target(blocked.cause, seen->second, owner != nullptr ? owner->working_directory() : "");
  }
  if (blocked.cause != model::Cause::gil || blocked.holder_tstate == 0 || owner == nullptr) return std::nullopt;
  // The id is what a C library's structure said: believed only if such a thread is there.
  const auto tid = owner->own_tid(blocked.holder_tid);
  if (!tid || *tid == blocked.head.tid) return std::nullopt;
  culprit.tid = *tid;
  culprit.thread = owner->thread_name(culprit.tid);
  if (const auto stack = stacks_.find(blocked.head.pid, blocked.holder_stack)) culprit.stack = stack->copy();
  return culprit;
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
  auto* owner = target(block.blocked.head.pid);
  if (seen != nullptr && owner != nullptr && seen->iteration == block.blocked.iteration) {
    if (auto path = owner->mapped_file(seen->address); !path.empty()) {
      model::Culprit culprit;
      culprit.path = std::move(path);
      block.culprit = std::move(culprit);
    }
  }
  place(block.blocked.head, block.blocked.iteration, block);
}

// Whom a thread that is ready to run waits for: who ran instead, or the quota that is used up.
std::optional<model::Culprit> Tracker::culprit_of_runnable(const model::Blocked& blocked, bool throttled) {
  model::Culprit culprit;
  if (!throttled) {
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
  culprit.cgroup = cached.quota->cgroup;
  culprit.quota_us = cached.quota->quota_us;
  culprit.period_us = cached.quota->period_us;
  return culprit;
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

// What tells a leaf's caller is in the copy of the stack then.
void Tracker::keep_words(model::Sample& sample) const {
  const auto* copy = natives_.copy_of(sample.head, sample.iteration);
  if (copy == nullptr || sample.kernel) return;
  sample.words.resize(std::min<std::size_t>(SAMPLE_WORDS, copy->stack.size() / sizeof(std::uint64_t)));
  std::memcpy(sample.words.data(), copy->stack.data(), sample.words.size() * sizeof(std::uint64_t));
}

void Tracker::on(const model::Sample& event) { place(event.head, event.iteration, event); }

void Tracker::give(const model::Sample& event) {
  auto* seen = target(event.head.pid);
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
  // With native stacks the last copy of a thread's is looked at: that can't wait.
  if (options_.native) {
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
  if (event.losses != 0) user_losses_[index(model::Loss::iteration_incomplete)]++;
  tell(builder_.end(event), false);
}

namespace {

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

void Tracker::on(const model::ProcessExec& event) {
  auto* seen = target(event.head.pid);
  if (seen == nullptr) return;
  builder_.forget_process(event.head.pid);
  forget_image(event.head.pid);
  for (const auto tid : seen->loops) probe_.remove_thread(tid);
  seen->forget_image();
  seen->rename(event.comm);
  probe_.detach_uprobes(event.head.pid);
  seen->first_look_ns = monotonic_ns();
  seen->next_look_ns = seen->first_look_ns;
}

void Tracker::on(const model::ThreadExit& event) {
  builder_.forget_thread(event.head.pid, event.head.tid);
  if (const auto loop = loops_.find(event.head.tid); loop != loops_.end() && loop->second.pid == event.head.pid) {
    if (const auto thread = probe_.thread(event.head.tid)) loop->second.last = thread->stats;
    loop->second.ended = true;
  }
  probe_.remove_thread(event.head.tid);
  last_target_.erase(event.head.tid);
  quotas_.erase(event.head.tid);
  faults_.erase(event.head.tid);
  held_.forget_thread(event.head.tid);
  natives_.forget_thread(event.head.tid);
  if (auto* seen = target(event.head.pid)) seen->loops.erase(event.head.tid);
}

void Tracker::on(const model::ProcessExit& event) {
  builder_.forget_process(event.head.pid);
  process_ended(event.head.pid);
}

void Tracker::on(const model::ProcessFork& event) {
  if (!options_.follow || targets_.contains(event.child_pid)) return;
  auto opened = Target::open(static_cast<std::int32_t>(event.child_pid));
  if (!opened) return;  // ended meanwhile
  if (auto status = add(std::move(*opened), Look::now); !status) say(status.error().message());
}

std::uint64_t Tracker::look(std::uint64_t now_ns) {
  // With many processes at once, the records of those that are known already come in between.
  constexpr std::uint64_t kBudgetNs = 20'000'000;
  std::uint64_t next = 0;
  for (auto& [pid, each] : targets_) {
    if (each.ended || each.settled()) continue;
    if (monotonic_ns() - now_ns > kBudgetNs) return now_ns;
    if (each.first_look_ns == 0) each.first_look_ns = now_ns;
    if (each.next_look_ns <= now_ns) {
      if (each.look()) {
        if (auto status = tell_probe(each); !status) say(status.error().message());
        attach_uprobes(each);
        for (const auto tid : each.loops) loops_[tid].thread = each.thread_name(tid);
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

model::Summary Tracker::summary(std::uint64_t now_ns) const {
  model::Summary summary{.time_ns = now_ns,
                         .elapsed_ns = now_ns - start_ns_,
                         .warn_ns = options_.warn_ns,
                         .error_ns = options_.error_ns,
                         .stalls = statistics_.stalls(),
                         .errors = statistics_.errors(),
                         .loops = {},
                         .cause_ns = statistics_.cause_ns(),
                         .places = statistics_.places(),
                         .losses = user_losses_,
                         .cost = {}};
  for (const auto& [tid, loop] : loops_) {
    if (loop.pid == 0) continue;
    loop_stats stats = loop.last;
    if (!loop.ended) {
      if (const auto thread = probe_.thread(tid)) stats = thread->stats;
    }
    auto row = model::summarize_loop(loop.pid, tid,
                                     {.iterations = stats.iterations,
                                      .busy_ns = stats.busy_ns,
                                      .max_ns = stats.max_ns,
                                      .stalls = stats.stalls,
                                      .buckets = stats.buckets});
    row.thread = loop.thread;
    row.kind = loop.kind;
    summary.loops.push_back(std::move(row));
  }
  const auto kernel = probe_.losses();
  static_assert(std::tuple_size_v<decltype(kernel)> == model::kKernelLosses);
  for (std::size_t i = 0; i < kernel.size(); i++) summary.losses[i] += kernel[i];
  summary.losses[index(model::Loss::native_cut)] += natives_.cut();
  summary.losses[index(model::Loss::stack_missing)] += builder_.missing_stacks();
  return summary;
}

}  // namespace aiotrace::app

#include "app/tracker.h"

#include <algorithm>
#include <iterator>

#include "app/culprits.h"
#include "app/open_files.h"
#include "app/present_wait.h"
#include "app/seeding.h"
#include "app/uprobe_places.h"
#include "proc/descendants.h"
#include "proc/file_budget.h"
#include "proc/thread_syscall.h"
#include "util/log.h"

namespace aiotrace::app {

namespace {

// Of --native: one Python stack has many native ones, and they must not push it out.
constexpr std::size_t kNativeStacks = 4 * model::StackStore::kDefaultCapacity;

std::size_t index(model::Loss loss) { return static_cast<std::size_t>(loss); }

}  // namespace

Tracker::Tracker(TrackerConfig config, probe::Probe& probe, TrackerSink& sink)
    : config_(std::move(config)),
      probe_(probe),
      sink_(sink),
      targets_(probe, config_.native ? kNativeStacks : model::StackStore::kDefaultCapacity),
      builder_(config_.error_ns, targets_.stacks(),
               [this](std::uint32_t pid, std::uint64_t code_id) { return targets_.codes().definition(pid, code_id); }),
      natives_(classifier_.symbolizer(), targets_.stacks()),
      fine_(probe),
      shared_([&probe](std::uint32_t tid) { return probe.thread(tid); }),
      start_ns_(monotonic_ns()) {}

// A machine's processes come and go: their descriptors and names must not stay.
void Tracker::drop_ended() {
  if (!config_.all && !config_.follow) return;
  targets_.drop_ended([this](std::uint32_t pid) { forget_image(pid); });
}

void Tracker::forget_image(std::uint32_t pid) {
  classifier_.forget(pid);
  natives_.forget(pid);
}

void Tracker::attach_uprobes(Target& target) {
  if (probe_.poll_probe() != probe::PollProbe::uprobe) return;
  probe_.detach_uprobes(target.pid());
  std::size_t attached = 0;
  for (const auto& place : uprobe_places(target.process(), target.maps())) {
    const auto status = probe_.attach_uprobe(target.pid(), place.path, place.offset, place.epoll);
    if (status)
      attached++;
    else if (config_.verbose)
      say(status.error().message());
  }
  if (attached == 0 && target.settled())
    say("pid " + std::to_string(target.pid()) +
        ": no epoll_wait was found to set a uprobe on (a static program without symbols?)");
}

// A wait whose beginning nobody knows is known from now on.
std::uint64_t Tracker::waits_since(const probe::ThreadSeed& seed) {
  if (seed.began_ns == seed.seen_ns) return seed.seen_ns;
  if (!off_since_) {
    off_since_ = probe::OffSince::load();
    if (!*off_since_ && config_.verbose) say(off_since_->error().message());
  }
  if (!*off_since_) return seed.seen_ns;
  return std::clamp((*off_since_)->of(seed.tid).value_or(seed.seen_ns), seed.began_ns, seed.seen_ns);
}

// A thread that waits in a poll now was not seen to enter it; another may be in mid-stall.
void Tracker::seed(Target& target) {
  for (auto& [seed, kind, stack, task, code, start_known, culprit, native] : threads_to_seed(target)) {
    seed.seen_ns = std::max(seed.began_ns, monotonic_ns());
    if (seed.waiting) {
      seed.waiting->since_ns = waits_since(seed);
      targets_.stacks().add(target.pid(), seed.waiting->stack_id, std::move(stack));
      if (config_.native) seed.waiting->stack_id = natives_.merge(target, native, seed.waiting->stack_id);
      seed.waiting->has_task = task.has_value();
      if (code) targets_.codes().add(*code, target.interpreter(), nullptr);
      if (task) builder_.add(*task);
    }
    if (auto status = probe_.seed_thread(seed); !status) say(status.error().message());
    if (has_moved_on(target, seed, start_known)) {
      probe_.remove_thread(seed.tid);
      continue;
    }
    if (auto status = probe_.sample_thread(seed.tid); !status) {
      note_untraced();
      if (config_.verbose) say(status.error().message());
    }
    target.add_loop(seed.tid);
    times_.begin(target.pid());
    auto& loop = loops_[seed.tid];
    loop.pid = target.pid();
    loop.thread = target.thread_name(seed.tid);
    loop.comm = target.comm();
    loop.start_known = start_known;
    loop.seen_ns = seed.seen_ns;
    if (seed.waiting) loop.found_wait = FoundWait{.since_ns = seed.waiting->since_ns, .culprit = std::move(culprit)};
    loop.kind = kind;
    if (!seed.python) shared_.polls(target.pid(), seed.tid, seed.epfd);
    if (seed.python && kind != model::LoopKind::asyncio) name_kind(target, seed.tid, model::LoopSource::python, loop);
  }
  target.want_queues();
  target.show_queues(probe_);
}

Status Tracker::add(Target added, TargetSet::Look look) {
  const auto target = targets_.add(std::move(added), look);
  if (!target) return std::unexpected(target.error());
  sink_.process_seen((*target)->pid(), (*target)->comm());
  if (!config_.all) times_.begin((*target)->pid());
  if (look == TargetSet::Look::fresh) return {};
  attach_uprobes(**target);
  seed(**target);
  if (const auto refusal = (*target)->refusal(); refusal && (!config_.all || config_.verbose))
    say("pid " + std::to_string((*target)->pid()) + ": " + *refusal + "; its loops are traced without Python frames");
  return {};
}

std::size_t Tracker::add_all_running() {
  std::size_t added = 0;
  const auto polls = [](const Target& target) {
    const auto pid = target.process().pid();
    return std::ranges::any_of(target.process().threads(),
                               [pid](pid_t tid) { return proc::polled_epoll(pid, tid).has_value(); });
  };
  // One whose loop is busy or blocked now: the stall that goes on is seen if its Python is known at once. To know that
  // takes some milliseconds for each, so it is not done for more than a user waits for.
  constexpr std::uint64_t kMostNs = 500'000'000;
  const auto until_ns = monotonic_ns() + kMostNs;
  const auto take = [&](Target target) {
    const bool idle = polls(target);
    if (!idle && (monotonic_ns() >= until_ns || target.epolls() == 0)) return;
    if (add(std::move(target), idle ? TargetSet::Look::later : TargetSet::Look::now)) added++;
  };
  targets_.scan(config_.filter, take, [this] { note_untraced(); });
  return added;
}

void Tracker::select(const Filter& filter) {
  config_.filter = filter;
  const auto now_ns = monotonic_ns();
  for (auto& [pid, target] : targets_) {
    if (target.ended() || config_.filter.matches(pid, target.comm())) continue;
    // BPF will meet its threads anew, and learn that they are not meant.
    const auto loops = target.loops();
    for (const auto tid : loops) on(model::ThreadExit{.head = {.pid = pid, .tid = tid, .time_ns = now_ns}});
    process_ended(pid);
  }
  drop_ended();
  add_all_running();
  // Those that do not wait in a poll now are met at their next one.
  targets_.scan(config_.filter, [this](const Target& target) { probe_.remove_process(target.pid()); });
}

// One that is traced reports its forks: who was forked before it was traced is found by the next look.
Status Tracker::add_descendants() {
  for (bool more = true; more;) {
    more = false;
    std::vector<pid_t> pids;
    for (const auto& [pid, each] : targets_) pids.push_back(static_cast<pid_t>(pid));
    for (const auto pid : proc::descendants(pids)) {
      auto opened = Target::open(pid);
      if (!opened) note_untraced();  // ended meanwhile, or too many
      if (!opened || pid == getpid()) continue;
      if (auto status = add(std::move(*opened), TargetSet::Look::now); !status) return status;
      more = true;
    }
  }
  return {};
}

void Tracker::note_untraced() {
  if (!no_more_open_files()) return;
  if (untraced_++ == 0)
    say("the limit of open files (" + std::to_string(open_files_limit()) +
        ") is reached: some processes are not traced, or not sampled; raise it with ulimit -n, or watch fewer");
}

void Tracker::name_kind(const Target& target, std::uint32_t tid, model::LoopSource source, Loop& loop) {
  constexpr std::uint64_t kShareOfTime = 20;  // a program can make loops as fast as it likes
  loop.kind = target.loop_kind(source);
  const auto begin_ns = monotonic_ns();
  if (source != model::LoopSource::python || begin_ns < next_kind_ns_) return;
  const auto running = target.running_kind(tid);
  const auto end_ns = monotonic_ns();
  next_kind_ns_ = end_ns + (end_ns - begin_ns) * kShareOfTime;
  loop.kind_known = running || target.settled();
  loop.kind = running.value_or(loop.kind);
}

// Informs BPF that nobody asked for this process: otherwise BPF reports each of its polls again.
void Tracker::ignore(std::uint32_t pid, std::uint32_t tid) {
  if (auto status = probe_.ignore_process(pid); !status && config_.verbose) say(status.error().message());
  probe_.remove_thread(tid);
}

Target* Tracker::target_or_new(const model::LoopSeen& event) {
  if (auto* known = targets_.find(event.head.pid); known != nullptr && !known->ended()) return known;
  if (!config_.all && !config_.follow) return nullptr;
  auto opened = Target::open(static_cast<std::int32_t>(event.head.pid));
  if (!opened) {  // ended meanwhile, or
    note_untraced();
    return nullptr;
  }
  if (config_.all && !config_.filter.matches(opened->pid(), opened->comm())) {
    ignore(event.head.pid, event.head.tid);
    return nullptr;
  }
  if (auto status = add(std::move(*opened), TargetSet::Look::now); !status) say(status.error().message());
  return targets_.find(event.head.pid);
}

void Tracker::process_ended(std::uint32_t pid) {
  auto* found = targets_.find(pid);
  if (found == nullptr || found->ended()) return;
  targets_.mark_ended(*found);
  times_.end(pid);
  sink_.process_ended(pid);
}

std::uint64_t Tracker::look(std::uint64_t now_ns) {
  find_kinds(now_ns);
  return targets_.look(now_ns, [this](Target& target) { take_changed(target); });
}

// A program can make threads as fast as it likes: its stacks are read some times a second at most.
void Tracker::want_kind(const model::LoopSeen& event) {
  constexpr std::uint64_t kSoonNs = 100'000'000;
  kind_searches_.try_emplace(event.head.pid, KindSearch{.next_ns = event.head.time_ns + kSoonNs}).first->second.tries =
      0;
}

bool Tracker::find_kinds(Target& target) {
  const auto unknown = [](const Loop& loop) { return loop.kind == model::LoopKind::other && !loop.kind_known; };
  const auto is_unknown = [&](std::uint32_t tid) { return unknown(loops_[tid]); };
  if (target.interpreter() == nullptr) return target.settled();
  for (const auto& seeded : threads_to_seed(target)) {
    const auto loop = loops_.find(seeded.seed.tid);
    if (loop != loops_.end() && unknown(loop->second)) loop->second.kind = seeded.kind;
  }
  return std::ranges::none_of(target.loops(), is_unknown);
}

void Tracker::find_kinds(std::uint64_t now_ns) {
  constexpr std::uint64_t kBudgetNs = 20'000'000;
  // Doubled each time: a loop that is none of asyncio's is not one later.
  constexpr std::uint64_t kPauseNs = 250'000'000;
  constexpr unsigned kTries = 6;
  for (auto at = kind_searches_.begin(); at != kind_searches_.end();) {
    auto& search = at->second;
    if (search.next_ns > now_ns) {
      ++at;
      continue;
    }
    if (monotonic_ns() - now_ns > kBudgetNs) return;
    auto* target = targets_.find(at->first);
    search.next_ns = now_ns + (kPauseNs << search.tries);
    const bool over = target == nullptr || target->ended() || find_kinds(*target) || ++search.tries >= kTries;
    at = over ? kind_searches_.erase(at) : std::next(at);
  }
}

void Tracker::take_changed(Target& target) {
  attach_uprobes(target);
  for (const auto tid : target.loops()) {
    loops_[tid].thread = target.thread_name(tid);
    loops_[tid].comm = target.comm();
  }
  find_kinds(target);
}

// A thread that goes on with its iteration; not one whose first poll was entered before aiotrace came and goes on.
bool Tracker::in_iteration(const model::ThreadNow& thread, std::uint64_t now_ns) {
  using State = model::ThreadNow::State;
  if (thread.exited || thread.state == State::in_poll || thread.start_ns == 0 || thread.start_ns >= now_ns)
    return false;
  return thread.epfd_settled || thread.state == State::blocked ||
         !proc::polled_epoll(static_cast<pid_t>(thread.pid), static_cast<pid_t>(thread.tid));
}

bool Tracker::is_worker(std::uint32_t pid, std::uint32_t tid) const {
  return workers_.contains({pid, tid}) && statistics_.stalls_of(pid, tid) == 0;
}

std::vector<model::LoopNow> Tracker::loops_now(std::uint64_t now_ns) const {
  std::vector<model::LoopNow> loops;
  for (const auto& [pid, target] : targets_) {
    if (target.ended()) continue;
    for (const auto tid : target.loops()) {
      const auto loop = loops_.find(tid);
      if (loop == loops_.end() || loop->second.pid != pid) continue;
      auto now = loop_now(tid, loop->second, now_ns);
      if (!now) continue;
      now->ready = target.ready(tid);
      loops.push_back(*std::move(now));
    }
  }
  return loops;
}

model::Summary Tracker::summary(std::uint64_t now_ns) const {
  model::Summary summary{.time_ns = now_ns,
                         .elapsed_ns = now_ns - start_ns_,
                         .warn_ns = config_.warn_ns,
                         .error_ns = config_.error_ns,
                         .stalls = statistics_.stalls(),
                         .errors = statistics_.errors(),
                         .loops = {},
                         .cause_ns = statistics_.cause_ns(),
                         .places = statistics_.places(),
                         .losses = losses(),
                         .cost = {}};
  for (const auto& [tid, loop] : loops_) {
    if (loop.pid == 0 || is_worker(loop.pid, tid)) continue;
    auto counters = loop.last;
    if (const auto now = loop.ended ? std::nullopt : probe_.counters(tid)) {
      counters = *now;
      if (const auto thread = probe_.thread(tid); thread && in_iteration(*thread, now_ns))
        counters.add_present(now_ns - thread->start_ns, thread->unseen_ns);
    }
    auto row = model::summarize_loop(loop.pid, tid, counters);
    row.thread = loop.thread;
    row.comm = loop.comm;
    row.kind = loop.kind;
    row.stalls = statistics_.stalls_of(loop.pid, tid);
    summary.loops.push_back(std::move(row));
  }
  summary.taken_over = taken_over_;
  summary.lost_by = probe_.lost_by();
  for (auto& lost : summary.lost_by) {
    const auto loop = std::ranges::find(summary.loops, lost.pid, &model::LoopSummary::pid);
    if (loop != summary.loops.end()) lost.comm = loop->comm;
  }
  return summary;
}

model::LossCounts Tracker::losses() const {
  auto losses = user_losses_;
  const auto kernel = probe_.losses();
  for (std::size_t i = 0; i < kernel.size(); i++) losses[i] += kernel[i];
  losses[index(model::Loss::native_cut)] += natives_.cut();
  losses[index(model::Loss::file_too_large)] += proc::FileBudget::of_program().refused();
  losses[index(model::Loss::stack_missing)] += builder_.missing_stacks();
  return losses;
}

std::optional<model::LoopNow> Tracker::loop_now(std::uint32_t tid, const Loop& loop, std::uint64_t now_ns) const {
  const auto counters = probe_.counters(tid);
  if (!counters) return std::nullopt;
  model::LoopNow now{.pid = loop.pid,
                     .tid = tid,
                     .command = loop.comm,
                     .thread = loop.thread,
                     .kind = loop.kind,
                     .now_ns = now_ns,
                     .seen_ns = loop.seen_ns,
                     .counters = *counters};
  const auto thread = probe_.thread(tid);
  if (!thread || !in_iteration(*thread, now_ns)) return now;
  now.present_ns = now_ns - thread->start_ns;
  now.present_seen_ns = now.present_ns - std::min(now.present_ns, thread->unseen_ns);
  return now;
}

void Tracker::read_loops(const std::function<void(const model::LoopNow&)>& take) {
  for (auto& [tid, loop] : loops_) {
    if (loop.pid == 0 || loop.ended) continue;
    if (auto* owner = targets_.find(loop.pid)) refresh_kind(tid, loop, *owner);
    if (const auto now = loop_now(tid, loop, monotonic_ns())) take(*now);
  }
}

// While BPF still has its counters.
void Tracker::end_loop(std::uint32_t tid, std::uint64_t now_ns) {
  const auto found = loops_.find(tid);
  if (found == loops_.end()) return;
  auto& loop = found->second;
  if (auto* owner = targets_.find(loop.pid)) refresh_kind(tid, loop, *owner);
  if (const auto now = loop_now(tid, loop, now_ns)) sink_.loop_ended(*now);
  loop.seen_ns = 0;
  if (config_.forget_ended) loops_.erase(found);
}

}  // namespace aiotrace::app

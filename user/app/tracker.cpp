#include "app/tracker.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "abi/records.h"
#include "app/culprits.h"
#include "app/open_files.h"
#include "app/present_wait.h"
#include "app/seeding.h"
#include "app/uprobe_places.h"
#include "proc/thread_syscall.h"

namespace aiotrace::app {

namespace {

// A process that starts becomes Python, and its Python becomes asyncio, within some tens of milliseconds: look often
// then, so that the first stall has its frames. Afterwards seldom.
constexpr std::uint64_t kStartupNs = 3'000'000'000;
constexpr std::uint64_t kStartupLookNs = 2'000'000;
constexpr std::uint64_t kLookNs = 200'000'000;
constexpr std::uint64_t kMaxLookNs = 10'000'000'000;
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
      fine_(probe),
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
  for (auto& [seed, kind, stack, task, code, start_known, culprit, native] : threads_to_seed(target)) {
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
    target.had_loop = true;
    auto& loop = loops_[seed.tid];
    loop.pid = target.pid();
    loop.thread = target.thread_name(seed.tid);
    loop.start_known = start_known;
    if (seed.waiting) loop.found_wait = FoundWait{.since_ns = seed.began_ns, .culprit = std::move(culprit)};
    loop.kind = kind;
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

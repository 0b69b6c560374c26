#include "app/unseen_loops.h"

#include <algorithm>

#include "proc/page_cache.h"
#include "proc/syscalls.h"
#include "proc/thread_syscall.h"
#include "python/running_loops.h"
#include "util/clock.h"

namespace aiotrace::app {
namespace {

constexpr std::uint64_t kLeastNs = 3'000'000'000;
constexpr std::uint64_t kBetweenNs = 1'000'000'000;
constexpr std::uint64_t kShareOfTime = 100;
// Limit for one process: its loops are searched among its threads.
constexpr std::uint64_t kMostNs = 50'000'000;
// Limit for names: a thread's name may be searched among thousands.
constexpr std::size_t kMostInOneLook = 4;
constexpr std::size_t kMostReported = 100;

// The loops that were read in time; nothing without asyncio.
std::vector<python::RunningLoop> loops_of(const Target& target, bool& late) {
  const auto* interpreter = target.interpreter();
  if (target.ended() || interpreter == nullptr || !interpreter->asyncio_loaded) return {};
  proc::PageCache pages(target.memory());
  pages.end_at(monotonic_ns() + kMostNs);
  auto loops = python::running_loops(*interpreter, target.process(), pages);
  late = pages.late();
  return loops;
}

// The thread is in a system call that aiotrace recognizes as a poll, whatever the selector's class is: its next poll
// will be seen.
bool polls_now(const Target& target, std::uint32_t tid) {
  const auto call = proc::current_syscall(target.process().pid(), static_cast<pid_t>(tid));
  return call && (proc::selects(*call) || proc::polled_epoll(*call));
}

std::string waits_in(const Target& target, std::uint32_t tid, const python::RunningLoop& loop) {
  const auto call = proc::current_syscall(target.process().pid(), static_cast<pid_t>(tid));
  const auto name = call ? proc::syscall_name(call->number) : std::string_view();
  if (!loop.selector.empty() && !name.empty()) return loop.selector + ", now in " + std::string(name);
  if (!loop.selector.empty()) return loop.selector;
  return name.empty() ? "a way of its own" : std::string(name);
}

}  // namespace

bool runs_asyncio_loop(const Target& target) {
  bool late = false;
  return !loops_of(target, late).empty();
}

void UnseenLoops::look_at(Target& target, const probe::Probe& probe) {
  bool late = false;
  std::size_t reports = 0;
  std::map<std::uint32_t, Candidate> now;
  const auto loops = loops_of(target, late);
  const auto before = candidates_.find(target.pid());
  const auto now_ns = monotonic_ns();
  for (const auto& loop : loops) {
    const auto tid = static_cast<std::uint32_t>(loop.tid);
    // A selector of the standard library is seen at its next poll, even if the present iteration or poll takes long.
    if (loop.polls_as_known() || target.loops().contains(tid) || probe.thread(tid)) continue;
    if (polls_now(target, tid)) continue;
    Candidate candidate{.loop = loop.object, .since_ns = now_ns};
    if (before != candidates_.end()) {
      const auto known = before->second.find(tid);
      if (known != before->second.end() && known->second.loop == loop.object) candidate = known->second;
    }
    now[tid] = candidate;
    const bool due = now_ns - candidate.since_ns >= kLeastNs && !rows_.contains({target.pid(), tid});
    if (!due || rows_.size() >= kMostReported || ++reports > kMostInOneLook) continue;
    report(now_ns - candidate.since_ns, target, loop);
  }
  // Loops that could not be read in time are unknown: the earlier result is kept.
  if (late && before != candidates_.end()) now.insert(before->second.begin(), before->second.end());
  if (now.empty())
    candidates_.erase(target.pid());
  else
    candidates_[target.pid()] = std::move(now);
}

void UnseenLoops::report(std::uint64_t for_ns, Target& target, const python::RunningLoop& loop) {
  const auto tid = static_cast<std::uint32_t>(loop.tid);
  const auto name = target.thread_name(tid);
  const auto how = waits_in(target, tid, loop);
  rows_.emplace(Thread{target.pid(), tid},
                model::UnseenLoop{.pid = target.pid(), .tid = tid, .thread = name, .waits_by = how});
  messages_.push_back("pid " + std::to_string(target.pid()) + ": thread " + name + " (tid " + std::to_string(tid) +
                      ") runs an asyncio loop, but none of its polls was seen for " +
                      std::to_string(for_ns / 1'000'000'000) + " s: its stalls are not seen (it waits by " + how + ")");
}

void UnseenLoops::look(std::uint64_t now_ns, TargetSet& targets, const probe::Probe& probe) {
  if (now_ns < next_ns_) return;
  const auto begin_ns = monotonic_ns();
  // One process per call, so that no record of other processes is delayed.
  auto* target = targets.next_after(last_pid_);
  if (target == nullptr) return;
  const bool round_begins = target->pid() <= last_pid_;
  last_pid_ = target->pid();
  look_at(*target, probe);
  // Pids are reused: data about an ended process must be removed.
  if (round_begins) std::erase_if(candidates_, [&](const auto& each) { return targets.find(each.first) == nullptr; });
  std::erase_if(rows_, [&](const auto& row) {
    const auto& [pid, tid] = row.first;
    auto* of = targets.find(pid);
    return (of != nullptr && of->loops().contains(tid)) || probe.thread(tid);  // it is seen now
  });
  next_ns_ = now_ns + std::max(kBetweenNs / std::max<std::size_t>(targets.size(), 1),
                               (monotonic_ns() - begin_ns) * kShareOfTime);
}

std::vector<model::UnseenLoop> UnseenLoops::all() const {
  std::vector<model::UnseenLoop> rows;
  rows.reserve(rows_.size());
  for (const auto& [thread, row] : rows_) rows.push_back(row);
  return rows;
}

}  // namespace aiotrace::app

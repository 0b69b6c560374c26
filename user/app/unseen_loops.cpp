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
// Of one process: its loops are found among its threads.
constexpr std::uint64_t kMostNs = 50'000'000;
constexpr std::size_t kMostReported = 100;

std::string waits_in(const Target& target, std::uint32_t tid, const python::RunningLoop& loop) {
  const auto call = proc::current_syscall(target.process().pid(), static_cast<pid_t>(tid));
  const auto name = call ? proc::syscall_name(call->number) : std::string_view();
  if (!loop.selector.empty() && !name.empty()) return loop.selector + ", now in " + std::string(name);
  if (!loop.selector.empty()) return loop.selector;
  return name.empty() ? "a way of its own" : std::string(name);
}

}  // namespace

bool runs_asyncio_loop(const Target& target) {
  const auto* interpreter = target.interpreter();
  if (interpreter == nullptr || !interpreter->asyncio_loaded) return false;
  return !python::running_loops(*interpreter, target.process(), target.memory()).empty();
}

void UnseenLoops::look_at(std::uint64_t now_ns, Target& target, const probe::Probe& probe) {
  const auto* interpreter = target.interpreter();
  if (target.ended() || interpreter == nullptr || !interpreter->asyncio_loaded) return;
  proc::PageCache pages(target.memory());
  pages.end_at(now_ns + kMostNs);
  std::map<std::uint32_t, Candidate> now;
  auto& before = candidates_[target.pid()];
  for (const auto& loop : python::running_loops(*interpreter, target.process(), pages)) {
    const auto tid = static_cast<std::uint32_t>(loop.tid);
    if (target.loops().contains(tid) || probe.thread(tid)) continue;
    const auto known = before.find(tid);
    const bool same = known != before.end() && known->second.loop == loop.object;
    auto& candidate = now[tid];
    candidate = same ? known->second : Candidate{.loop = loop.object, .since_ns = now_ns, .reported = false};
    if (!candidate.reported && now_ns - candidate.since_ns >= kLeastNs && all_.size() < kMostReported) {
      candidate.reported = true;
      report(now_ns - candidate.since_ns, target, loop);
    }
  }
  // What could not be read in time is not known.
  if (!pages.late()) before = std::move(now);
}

void UnseenLoops::report(std::uint64_t for_ns, Target& target, const python::RunningLoop& loop) {
  const auto tid = static_cast<std::uint32_t>(loop.tid);
  const auto name = target.thread_name(tid);
  const auto how = waits_in(target, tid, loop);
  all_.push_back({.pid = target.pid(), .tid = tid, .thread = name, .waits_by = how});
  messages_.push_back("pid " + std::to_string(target.pid()) + ": thread " + name + " (tid " + std::to_string(tid) +
                      ") runs an asyncio loop, but none of its polls was seen for " +
                      std::to_string(for_ns / 1'000'000'000) + " s: its stalls are not seen (it waits by " + how + ")");
}

void UnseenLoops::look(std::uint64_t now_ns, TargetSet& targets, const probe::Probe& probe) {
  if (now_ns < next_ns_) return;
  // One process at a time, so that no record has to wait for the others.
  auto* target = targets.next_after(last_pid_);
  if (target == nullptr) return;
  last_pid_ = target->pid();
  look_at(now_ns, *target, probe);
  const auto took_ns = monotonic_ns() - now_ns;
  next_ns_ = now_ns + std::max(kBetweenNs / std::max<std::size_t>(targets.size(), 1), took_ns * kShareOfTime);
  if (target->ended()) candidates_.erase(last_pid_);
}

}  // namespace aiotrace::app

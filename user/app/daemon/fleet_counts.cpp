#include "app/daemon/fleet_counts.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "util/clock.h"

namespace aiotrace::app {

namespace {

// Stalls of a process that has ended are reported a moment later at most.
constexpr std::uint64_t kKeepNs = 60'000'000'000;
// What kind of loop it is is known some looks after it was met.
constexpr std::uint64_t kHoldNs = 10'000'000'000;
constexpr std::size_t kMaxHeld = 64;
// A program that is no Python stalls as well, and must not push out others.
constexpr std::ptrdiff_t kMaxHeldOfOne = 4;

}  // namespace

bool FleetCounts::counts(model::LoopKind kind) const { return config_.other_loops || kind != model::LoopKind::other; }

// A process is read when it is first seen: what it was is gone with it.
void FleetCounts::process_seen(std::uint32_t pid, const std::string& comm) {
  services_[pid] = {.service = fleet::metric_identity(proc::service_of(static_cast<pid_t>(pid), comm))};
}

void FleetCounts::process_ended(std::uint32_t pid) {
  if (const auto found = services_.find(pid); found != services_.end()) found->second.ended_ns = monotonic_ns();
}

const proc::Service& FleetCounts::service_of(std::uint32_t pid) {
  if (!services_.contains(pid)) process_seen(pid, "unknown");
  return services_[pid].service;
}

void FleetCounts::stall(const model::Stall& stall) { take(stall, false); }

void FleetCounts::unfinished(const model::Stall& stall) { take(stall, true); }

void FleetCounts::take(const model::Stall& stall, bool unfinished) {
  if (!counts(stall.loop_kind)) return hold(stall, unfinished);
  const auto& service = service_of(stall.pid);
  if (!stall.ongoing || unfinished) registry_.add(service, stall);
  if (on_stall_) on_stall_(service, stall, unfinished);
}

void FleetCounts::hold(const model::Stall& stall, bool unfinished) {
  const auto of_one = [&](const Held& each) { return each.stall.pid == stall.pid && each.stall.tid == stall.tid; };
  if (held_.size() >= kMaxHeld || std::ranges::count_if(held_, of_one) >= kMaxHeldOfOne) return;
  held_.push_back({.stall = stall, .unfinished = unfinished, .since_ns = monotonic_ns()});
}

void FleetCounts::give_held(const model::LoopNow& loop) {
  std::vector<Held> given;
  std::erase_if(held_, [&](Held& each) {
    if (each.stall.pid != loop.pid || each.stall.tid != loop.tid) return false;
    given.push_back(std::move(each));
    return true;
  });
  for (auto& [stall, unfinished, since_ns] : given) {
    stall.loop_kind = loop.kind;
    take(stall, unfinished);
  }
}

void FleetCounts::take(const model::LoopNow& loop) {
  if (!counts(loop.kind)) return;
  give_held(loop);
  registry_.update(service_of(loop.pid),
                   {.pid = loop.pid,
                    .tid = loop.tid,
                    .kind = loop.kind,
                    .now_ns = loop.now_ns,
                    .seen_ns = loop.seen_ns,
                    .present_ns = loop.present_seen_ns},
                   loop.counters, config_.warn_ns);
}

void FleetCounts::loop_ended(const model::LoopNow& loop) {
  take(loop);
  registry_.end(loop.pid, loop.tid, loop.now_ns);
}

void FleetCounts::looked(std::uint32_t pid, std::optional<std::uint64_t> tasks,
                         const std::optional<model::LeakCounts>& leaks) {
  if (tasks || leaks) registry_.looked(service_of(pid), pid, tasks, leaks);
}

void FleetCounts::forget(std::uint64_t now_ns) {
  std::erase_if(services_, [now_ns](const auto& each) {
    return each.second.ended_ns != 0 && now_ns > each.second.ended_ns + kKeepNs;
  });
  std::erase_if(held_, [now_ns](const Held& each) { return now_ns > each.since_ns + kHoldNs; });
  registry_.forget(now_ns);
}

}  // namespace aiotrace::app

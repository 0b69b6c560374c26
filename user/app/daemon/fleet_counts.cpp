#include "app/daemon/fleet_counts.h"

#include <utility>

#include "util/clock.h"

namespace aiotrace::app {

namespace {

// Stalls of a process that has ended are reported a moment later at most.
constexpr std::uint64_t kKeepNs = 60'000'000'000;

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
  if (!counts(stall.loop_kind)) return;
  const auto& service = service_of(stall.pid);
  if (!stall.ongoing || unfinished) registry_.add(service, stall);
  if (on_stall_) on_stall_(service, stall, unfinished);
}

void FleetCounts::take(const model::LoopNow& loop) {
  if (!counts(loop.kind)) return;
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
  registry_.forget(now_ns);
}

}  // namespace aiotrace::app

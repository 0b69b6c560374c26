#include "fleet/registry.h"

#include <algorithm>

#include "fleet/labels.h"

namespace aiotrace::fleet {

namespace {

// BPF counts each bucket in 32 bits.
constexpr std::uint64_t kWrap = std::uint64_t{1} << 32;

std::uint64_t difference(std::uint64_t now, std::uint64_t before) {
  return now >= before ? now - before : now + kWrap - before;
}

std::array<std::size_t, model::kHistogramBuckets> step_of_each_bucket() {
  std::array<std::size_t, model::kHistogramBuckets> steps{};
  for (std::size_t bucket = 0; bucket < steps.size(); ++bucket) {
    const auto middle = bucket + 1 < steps.size()
                            ? (model::bucket_start_ns(bucket) + model::bucket_start_ns(bucket + 1)) / 2
                            : model::bucket_start_ns(bucket);
    steps.at(bucket) = step_of(static_cast<std::uint64_t>(middle));
  }
  return steps;
}

}  // namespace

std::size_t step_of(std::uint64_t ns) {
  return static_cast<std::size_t>(std::ranges::lower_bound(kLimitsNs, ns) - kLimitsNs.begin());
}

Steps steps_of(const model::LoopCounters& counters) {
  static const auto kStepOf = step_of_each_bucket();
  Steps steps{};
  for (std::size_t bucket = 0; bucket < counters.buckets.size(); ++bucket)
    steps.at(kStepOf.at(bucket)) += counters.buckets.at(bucket);
  return steps;
}

proc::Service metric_identity(proc::Service service) {
  // A session or another scope is named by a number that grows: each login would be a service.
  if (!service.unit.ends_with(".service")) service.unit.clear();
  return service;
}

SeriesSet& Registry::set_of(const proc::Service& service, std::uint64_t since_ns) {
  const auto found = sets_.find(service);
  if (found != sets_.end()) return found->second;
  if (sets_.size() >= limits_.sets) {
    if (overflowed_++ == 0) {
      overflow_.labels = kOverflowLabels;
      overflow_.since_ns = since_ns;
    }
    return overflow_;
  }
  auto& set = sets_[service];
  set.labels = labels_of(service);
  set.since_ns = since_ns;
  return set;
}

// The gauges of now.
void Registry::count_now(Loop& loop, model::LoopKind kind, std::uint64_t ongoing_ns) {
  auto& set = *loop.set;
  if (loop.kind != kind) {
    --set.loops.at(static_cast<std::size_t>(loop.kind));
    ++set.loops.at(static_cast<std::size_t>(kind));
    loop.kind = kind;
  }
  const bool was_longest = loop.ongoing_ns != 0 && loop.ongoing_ns == set.ongoing_ns;
  loop.ongoing_ns = ongoing_ns;
  if (ongoing_ns >= set.ongoing_ns)
    set.ongoing_ns = ongoing_ns;
  else if (was_longest)
    find_ongoing(set);
}

void Registry::find_ongoing(SeriesSet& set) const {
  set.ongoing_ns = 0;
  for (const auto& [key, loop] : loops_) {
    if (loop.set == &set) set.ongoing_ns = std::max(set.ongoing_ns, loop.ongoing_ns);
  }
}

void Registry::update(const proc::Service& service, const LoopReading& reading, const model::LoopCounters& counters,
                      std::uint64_t stall_ns) {
  const auto [found, is_new] = loops_.try_emplace(key_of(reading.pid, reading.tid));
  auto& loop = found->second;
  if (is_new) {
    loop.set = &set_of(service, reading.seen_ns);
    loop.kind = reading.kind;
    ++loop.set->loops.at(static_cast<std::size_t>(reading.kind));
  }
  auto& set = *loop.set;
  set.alive_ns = std::max(set.alive_ns, reading.now_ns);
  // BPF began to count anew: the thread is another program's now.
  if (counters.iterations < loop.iterations) {
    loop.iterations = loop.busy_ns = 0;
    loop.steps = {};
  }
  const auto steps = steps_of(counters);
  for (std::size_t i = 0; i < kSteps; ++i) set.iterations.at(i) += difference(steps.at(i), loop.steps.at(i));
  if (counters.busy_ns > loop.busy_ns) set.iterations_ns += counters.busy_ns - loop.busy_ns;
  loop.iterations = counters.iterations;
  loop.busy_ns = std::max(loop.busy_ns, counters.busy_ns);
  loop.steps = steps;

  // The present iteration is part of it: the time of a loop that hangs goes on.
  const auto active = std::max(loop.active_ns, counters.busy_ns + reading.present_ns);
  set.active_ns += active - loop.active_ns;
  loop.active_ns = active;
  const auto lifetime = reading.now_ns - std::min(reading.seen_ns, reading.now_ns);
  const auto idle = std::max(loop.idle_ns, lifetime - std::min(active, lifetime));
  set.idle_ns += idle - loop.idle_ns;
  loop.idle_ns = idle;
  count_now(loop, reading.kind, reading.present_ns >= stall_ns ? reading.present_ns : 0);
}

void Registry::end(std::uint32_t pid, std::uint32_t tid, std::uint64_t now_ns) {
  const auto found = loops_.find(key_of(pid, tid));
  if (found == loops_.end()) return;
  auto& loop = found->second;
  auto& set = *loop.set;
  set.alive_ns = std::max(set.alive_ns, now_ns);
  --set.loops.at(static_cast<std::size_t>(loop.kind));
  count_now(loop, loop.kind, 0);
  loops_.erase(found);
}

void Registry::add(const proc::Service& service, const model::Stall& stall) {
  auto& set = set_of(service, stall.start_ns);
  const auto end_ns = stall.start_ns + stall.duration_ns;
  set.alive_ns = std::max(set.alive_ns, end_ns);
  ++(stall.error ? set.errors : set.warnings);
  for (std::size_t cause = 0; cause < model::kCauses; ++cause) {
    set.stall_ns.at(cause) += stall.cause_ns.at(cause);
    set.had_cause.at(cause) = set.had_cause.at(cause) || stall.cause_ns.at(cause) != 0;
  }
  set.exemplars.at(step_of(stall.duration_ns)) = Exemplar{stall.id, stall.duration_ns, end_ns};
}

void Registry::add_looks(SeriesSet& set) const {
  set.tasks.reset();
  set.leaks.reset();
  for (const auto& [pid, looks] : looks_) {
    if (looks.set != &set) continue;
    if (looks.tasks) set.tasks = set.tasks.value_or(0) + *looks.tasks;
    if (!looks.leaks) continue;
    auto& sum = set.leaks ? *set.leaks : set.leaks.emplace();
    for (std::size_t each = 0; each < sum.size(); ++each) sum.at(each) += looks.leaks->at(each);
  }
}

void Registry::looked(const proc::Service& service, std::uint32_t pid, std::optional<std::uint64_t> tasks,
                      const std::optional<model::LeakCounts>& leaks) {
  const auto set = sets_.find(service);
  if (set == sets_.end()) return;  // it found no room, or has no loop
  auto& looks = looks_[pid];
  looks.set = &set->second;
  if (tasks) looks.tasks = tasks;
  if (leaks) looks.leaks = leaks;
  add_looks(*looks.set);
}

void Registry::end_looks(std::uint32_t pid) {
  const auto found = looks_.find(pid);
  if (found == looks_.end()) return;
  auto& set = *found->second.set;
  looks_.erase(found);
  add_looks(set);
}

void Registry::forget(std::uint64_t now_ns) {
  std::erase_if(sets_, [&](const auto& each) {
    const auto& set = each.second;
    const bool has_loops = std::ranges::any_of(set.loops, [](std::uint64_t count) { return count != 0; });
    const bool has_looks = std::ranges::any_of(looks_, [&](const auto& looks) { return looks.second.set == &set; });
    return !has_loops && !has_looks && now_ns > set.alive_ns + limits_.keep_ns;
  });
}

}  // namespace aiotrace::fleet

#include "model/wait_graph.h"

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <unordered_set>

namespace aiotrace::model {
namespace {

using Number = std::uint32_t;
using Step = FoundHang::Step;
constexpr Number kNone = ~Number{0};

/// The largest set of parties of which each can be ended by no other than members.
class Stuck {
 public:
  explicit Stuck(const WaitGraph& graph)
      : graph_(graph),
        party_(graph.parties.size(), true),
        by_waits_(graph.parties.size(), true),
        resource_(graph.resources.size(), true),
        waiters_(graph.resources.size()),
        held_(graph.parties.size()),
        runs_(graph.parties.size()) {
    index();
    for (Number i = 0; i < resource_.size(); ++i) {
      if (!graph_.resources[i].closed) free_resource(i);
    }
    for (Number i = 0; i < party_.size(); ++i) {
      const auto& party = graph_.parties[i];
      if (!party.steady) {
        free_waits(i);
        free_party(i);
      } else if (party.waits.empty() || party.timed) {
        free_waits(i);
      }
    }
    spread();
  }

  [[nodiscard]] bool party(Number i) const { return party_[i]; }
  [[nodiscard]] bool resource(Number i) const { return resource_[i]; }
  [[nodiscard]] bool by_waits(Number i) const { return by_waits_[i]; }
  [[nodiscard]] const std::vector<Number>& waiters(Number resource) const { return waiters_[resource]; }

 private:
  void index() {
    for (Number i = 0; i < party_.size(); ++i) {
      for (const Number resource : graph_.parties[i].waits) waiters_[resource].push_back(i);
      if (graph_.parties[i].runs_on) runs_[*graph_.parties[i].runs_on].push_back(i);
    }
    for (Number i = 0; i < resource_.size(); ++i) {
      for (const auto& hold : graph_.resources[i].holds) held_[hold.party].push_back(i);
    }
  }

  void free_resource(Number i) {
    if (resource_[i]) freed_resources_.push_back(i);
    resource_[i] = false;
  }
  void free_party(Number i) {
    if (party_[i]) freed_parties_.push_back(i);
    party_[i] = false;
  }
  // What it waits for may come; it may still be stuck with its loop's thread.
  void free_waits(Number i) {
    by_waits_[i] = false;
    const auto& thread = graph_.parties[i].runs_on;
    if (!thread || !party_[*thread]) free_party(i);
  }

  void spread() {
    while (!freed_resources_.empty() || !freed_parties_.empty()) {
      if (!freed_resources_.empty()) {
        const Number resource = freed_resources_.back();
        freed_resources_.pop_back();
        for (const Number waiter : waiters_[resource]) {
          if (by_waits_[waiter]) free_waits(waiter);
        }
        continue;
      }
      const Number party = freed_parties_.back();
      freed_parties_.pop_back();
      for (const Number resource : held_[party]) free_resource(resource);
      for (const Number task : runs_[party]) {
        if (!by_waits_[task]) free_party(task);
      }
    }
  }

  const WaitGraph& graph_;
  std::vector<bool> party_;
  std::vector<bool> by_waits_;  // stuck in what it waits for, not only with its thread
  std::vector<bool> resource_;
  std::vector<std::vector<Number>> waiters_;  // by resource
  std::vector<std::vector<Number>> held_;     // by party
  std::vector<std::vector<Number>> runs_;     // by thread
  std::vector<Number> freed_resources_;
  std::vector<Number> freed_parties_;
};

/// Each stuck party has one way on: to the first holder of what it waits for, or to its loop's thread. All ways end in
/// a ring, or at a resource that nobody holds.
class Ways {
 public:
  Ways(const WaitGraph& graph, const Stuck& stuck)
      : graph_(graph), stuck_(stuck), end_(graph.parties.size(), kNone), mark_(graph.parties.size(), kNone) {
    for (Number i = 0; i < graph_.parties.size(); ++i) {
      if (stuck_.party(i) && end_[i] == kNone) walk(i);
    }
  }

  struct End {
    std::vector<Step> ring{};  // empty: at a resource
    Number resource = kNone;
    std::vector<Number> parties{};  // of a ring: all that come here and wait themselves; else: for the resource
  };
  [[nodiscard]] const std::vector<End>& ends() const { return ends_; }
  /// Of a stuck party.
  [[nodiscard]] const End& end_of(Number party) const { return ends_[end_[party]]; }

 private:
  [[nodiscard]] Step step_of(Number party) const {
    if (stuck_.by_waits(party)) return {.party = party, .resource = graph_.parties[party].waits.front()};
    return {.party = party, .resource = std::nullopt};
  }
  // kNone: nobody.
  [[nodiscard]] Number next(const Step& step) const {
    if (!step.resource) return *graph_.parties[step.party].runs_on;
    const auto& holds = graph_.resources[*step.resource].holds;
    return holds.empty() ? kNone : holds.front().party;
  }

  void walk(Number from) {
    std::vector<Step> path;
    std::size_t ring_begin = SIZE_MAX;
    Number end = kNone;
    for (Number at = from; end == kNone;) {
      mark_[at] = from;
      path.push_back(step_of(at));
      const Number to = next(path.back());
      if (to == kNone) {
        end = end_at(*path.back().resource);
      } else if (end_[to] != kNone) {
        end = end_[to];
      } else if (mark_[to] == from) {
        end = static_cast<Number>(ends_.size());
        const auto first = std::ranges::find(path, to, &Step::party);
        ring_begin = static_cast<std::size_t>(first - path.begin());
        ends_.push_back({.ring = {first, path.end()}});
      }
      at = to;
    }
    for (std::size_t i = 0; i < path.size(); ++i) {
      end_[path[i].party] = end;
      const bool behind = path[i].resource && (!ends_[end].ring.empty() || path[i].resource == ends_[end].resource);
      if (behind || i >= ring_begin) ends_[end].parties.push_back(path[i].party);
    }
  }

  Number end_at(Number resource) {
    const auto [known, fresh] = end_of_.try_emplace(resource, static_cast<Number>(ends_.size()));
    if (fresh) ends_.push_back({.resource = resource});
    return known->second;
  }

  const WaitGraph& graph_;
  const Stuck& stuck_;
  std::vector<Number> end_;                    // by party, in ends_
  std::vector<Number> mark_;                   // by party: the walk that came by
  std::unordered_map<Number, Number> end_of_;  // by resource
  std::vector<End> ends_;
};

// One thread, which waits for its own loop, or for tasks that only its loop runs.
bool waits_for_itself(const WaitGraph& graph, const std::vector<Step>& ring) {
  const auto thread = std::ranges::find_if(ring, [&](const Step& step) { return !graph.parties[step.party].task; });
  if (thread == ring.end()) return false;
  bool by_loop = thread->resource && graph.resources[*thread->resource].kind == ResourceKind::future;
  for (const Step& step : ring) {
    if (step.party == thread->party) continue;
    if (graph.parties[step.party].runs_on != thread->party) return false;
    by_loop = by_loop || !step.resource;
  }
  return by_loop;
}

// Whether what keeps a party from going on is known, not only concluded, all the way.
bool rests_on_facts(const WaitGraph& graph, Number party) {
  std::unordered_set<Number> seen;
  std::vector<Number> left{party};
  while (!left.empty()) {
    const Number at = left.back();
    left.pop_back();
    if (!seen.insert(at).second) continue;
    if (graph.parties[at].runs_on) left.push_back(*graph.parties[at].runs_on);
    for (const Number resource : graph.parties[at].waits) {
      if (graph.resources[resource].inferred) return false;
      for (const auto& hold : graph.resources[resource].holds) left.push_back(hold.party);
    }
  }
  return true;
}

FoundHang ring_of(const WaitGraph& graph, const Ways::End& end) {
  FoundHang found;
  found.ring = end.ring;
  // It begins with one that waits for a resource; without any there is no ring.
  const auto first = std::ranges::find_if(found.ring, [](const Step& step) { return step.resource.has_value(); });
  std::ranges::rotate(found.ring, first);
  found.verdict = waits_for_itself(graph, end.ring) ? HangVerdict::self_wait : HangVerdict::deadlock;
  found.exact = rests_on_facts(graph, end.ring.front().party);
  found.resource = found.ring.front().resource.value_or(0);
  found.waiters = end.parties;
  found.holders = graph.resources[found.resource].holds;
  return found;
}

bool given_back(ResourceKind kind) {
  return kind == ResourceKind::lock || kind == ResourceKind::semaphore || kind == ResourceKind::pool;
}

FoundHang nobody(const WaitGraph& graph, const Ways::End& end) {
  const ResourceKind kind = graph.resources[end.resource].kind;
  return {.verdict = kind == ResourceKind::pipe ? HangVerdict::pipe
                     : given_back(kind)         ? HangVerdict::abandoned
                                                : HangVerdict::unresolvable,
          .exact = !graph.resources[end.resource].inferred,
          .resource = end.resource,
          .waiters = end.parties};
}

// A task that others wait for, and that has ignored its cancellation.
bool ignores_cancel(const WaitGraph& graph, const WaitGraph::Resource& resource) {
  return resource.kind == ResourceKind::future && resource.closed && resource.holds.size() == 1 &&
         graph.parties[resource.holds.front().party].goes_on;
}

FoundHang unproved(const WaitGraph& graph, Number number, const std::vector<Number>& waiters) {
  const WaitGraph::Resource& resource = graph.resources[number];
  FoundHang found{.resource = number, .waiters = waiters, .holders = resource.holds};
  const bool units = resource.kind == ResourceKind::executor || resource.kind == ResourceKind::pool ||
                     resource.kind == ResourceKind::semaphore;
  // Those that wait give up in time, and others come.
  const bool nobody = resource.closed && resource.holds.empty() && given_back(resource.kind);
  if (ignores_cancel(graph, resource))
    found.verdict = HangVerdict::cancel_ignored;
  else if (nobody)
    found.verdict = HangVerdict::abandoned;
  else if (units && resource.capacity && resource.out && *resource.out >= *resource.capacity)
    found.verdict = HangVerdict::exhausted;
  else if (!resource.holds.empty())
    found.verdict = HangVerdict::held;
  // Where others may give it back, neither who has it nor that all is in use is proved.
  found.exact = found.verdict != HangVerdict::waiting && resource.closed && !resource.inferred;
  return found;
}

}  // namespace

std::vector<FoundHang> find_hangs(const WaitGraph& graph) {
  const Stuck stuck(graph);
  const Ways ways(graph, stuck);
  std::vector<FoundHang> found;
  for (const auto& end : ways.ends()) found.push_back(end.ring.empty() ? nobody(graph, end) : ring_of(graph, end));
  for (Number i = 0; i < graph.resources.size(); ++i) {
    auto waiters = stuck.waiters(i);
    bool judged = std::ranges::any_of(waiters, [&](Number each) { return graph.parties[each].steady; });
    if (ignores_cancel(graph, graph.resources[i])) {
      const auto& watchers = graph.resources[i].watchers;
      judged = judged || !watchers.empty();
      waiters.insert(waiters.end(), watchers.begin(), watchers.end());
    }
    // Those of a ring and behind it, or at a resource that nobody has, are in what was found above.
    const bool known = stuck.resource(i) && std::ranges::any_of(waiters, [&](Number each) {
                         if (!stuck.by_waits(each) || graph.parties[each].waits.front() != i) return false;
                         const auto& end = ways.end_of(each);
                         return !end.ring.empty() || end.resource == i;
                       });
    if (judged && !known) found.push_back(unproved(graph, i, waiters));
  }
  std::ranges::stable_sort(found, [](const FoundHang& a, const FoundHang& b) {
    if (is_final(a.verdict) != is_final(b.verdict)) return is_final(a.verdict);
    return a.waiters.size() > b.waiters.size();
  });
  return found;
}

}  // namespace aiotrace::model

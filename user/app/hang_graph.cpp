#include "app/hang_graph.h"

#include <algorithm>
#include <unordered_map>
#include <vector>

namespace aiotrace::app {
namespace {

using model::ResourceKind;
using python::HangLook;
using python::LookParty;
using python::LookResource;
using python::ResourceForm;

// It runs, or will in its loop's next iteration.
bool moves(LookParty::State state) {
  return state == LookParty::State::running || state == LookParty::State::scheduled;
}

class Graph {
 public:
  Graph(const HangLook& first, const HangLook& second, const std::unordered_set<pid_t>& stood_still)
      : first_(first), second_(second), stood_still_(stood_still) {
    for (const LookParty& party : first.parties) before_.emplace(party.object, &party);
    for (const LookResource& resource : first.resources) resource_before_.emplace(resource.object, &resource);
  }

  model::WaitGraph make() {
    model::WaitGraph graph;
    graph.resources.reserve(second_.resources.size());
    for (const LookResource& resource : second_.resources) graph.resources.push_back(resource_of(resource));
    graph.parties.reserve(second_.parties.size());
    for (const LookParty& party : second_.parties) graph.parties.push_back(party_of(party));
    return graph;
  }

 private:
  [[nodiscard]] const LookResource* before(const LookResource& resource) const {
    const auto known = resource_before_.find(resource.object);
    return known != resource_before_.end() && known->second->what == resource.what &&
                   known->second->type.form == resource.type.form
               ? known->second
               : nullptr;
  }

  // Addresses: numbers are those of one look.
  [[nodiscard]] static std::vector<std::uint64_t> holders(const HangLook& look, const LookResource& resource) {
    std::vector<std::uint64_t> objects;
    for (const auto& hold : resource.holds) objects.push_back(look.parties[hold.party].object);
    std::ranges::sort(objects);
    return objects;
  }

  [[nodiscard]] model::WaitGraph::Resource resource_of(const LookResource& resource) const {
    model::WaitGraph::Resource found{.kind = kind_of(resource),
                                     .capacity = resource.state.capacity,
                                     .out = resource.state.out};
    const LookResource* earlier = before(resource);
    const bool same = earlier != nullptr && holders(first_, *earlier) == holders(second_, resource);
    found.closed = resource.closed && same && earlier->closed;
    found.inferred = found.closed && (resource.inferred || earlier->inferred);
    found.watchers = resource.watchers;
    // Who held it only in one of the looks has given it back, or has just got it.
    if (!same && resource.holds.size() == 1) return found;
    for (const auto& hold : resource.holds) found.holds.push_back({.party = hold.party, .how = how_of(hold.how)});
    return found;
  }

  // Nobody was taken from a queue that has grown by as much as it was changed.
  [[nodiscard]] bool lost_nobody(const LookResource& resource) const {
    if (!resource.queue) return true;
    const LookResource* earlier = before(resource);
    if (earlier == nullptr || !earlier->queue || earlier->state.waiters != resource.state.waiters) return false;
    return resource.queue->changes - earlier->queue->changes == resource.queue->length - earlier->queue->length;
  }

  [[nodiscard]] bool steady(const LookParty& party) const {
    const auto known = before_.find(party.object);
    if (known == before_.end()) return false;
    const LookParty& earlier = *known->second;
    if (earlier.mark != party.mark || earlier.task != party.task || earlier.tid != party.tid) return false;
    if (!party.task) return stood_still_.contains(party.tid);
    if (earlier.state != party.state || moves(party.state)) return false;
    if (earlier.waits.size() != party.waits.size()) return false;
    for (std::size_t i = 0; i < party.waits.size(); ++i) {
      const LookResource& resource = second_.resources[party.waits[i]];
      if (first_.resources[earlier.waits[i]].object != resource.object) return false;
      if (!stood_still_.contains(party.tid) && !lost_nobody(resource)) return false;
    }
    return true;
  }

  [[nodiscard]] model::WaitGraph::Party party_of(const LookParty& party) const {
    model::WaitGraph::Party found{
        .task = party.task, .waits = party.waits, .timed = party.timed, .steady = steady(party)};
    if (const auto known = before_.find(party.object); known != before_.end())
      found.goes_on = party.goes_on && known->second->goes_on;
    // A thread that is in its loop's poll, or runs, keeps no task from going on.
    const auto thread = party.task && party.tid != 0 ? second_.threads.find(party.tid) : second_.threads.end();
    if (thread != second_.threads.end() && !second_.parties[thread->second].waits.empty())
      found.runs_on = thread->second;
    return found;
  }

  const HangLook& first_;
  const HangLook& second_;
  const std::unordered_set<pid_t>& stood_still_;
  std::unordered_map<std::uint64_t, const LookParty*> before_;
  std::unordered_map<std::uint64_t, const LookResource*> resource_before_;
};

}  // namespace

model::HoldHow how_of(python::LookHold::How how) {
  switch (how) {
    case python::LookHold::How::with: return model::HoldHow::with;
    case python::LookHold::How::owner: return model::HoldHow::owner;
    case python::LookHold::How::refers: break;
  }
  return model::HoldHow::refers;
}

model::ResourceKind kind_of(const LookResource& resource) {
  if (resource.what == LookResource::What::pipe) return ResourceKind::pipe;
  if (resource.what != LookResource::What::object) return ResourceKind::future;
  switch (resource.type.form) {
    case ResourceForm::asyncio_lock:
    case ResourceForm::anyio_lock:
    case ResourceForm::thread_lock:
    case ResourceForm::thread_rlock: return ResourceKind::lock;
    case ResourceForm::asyncio_semaphore:
    case ResourceForm::anyio_limiter:
    case ResourceForm::thread_semaphore: return ResourceKind::semaphore;
    case ResourceForm::asyncio_condition:
    case ResourceForm::thread_condition: return ResourceKind::condition;
    case ResourceForm::asyncio_event:
    case ResourceForm::asyncio_barrier:
    case ResourceForm::thread_event:
    case ResourceForm::thread_barrier: return ResourceKind::event;
    case ResourceForm::asyncio_queue:
    case ResourceForm::thread_queue: return ResourceKind::queue;
    case ResourceForm::thread: return ResourceKind::thread;
    case ResourceForm::thread_pool: return ResourceKind::executor;
    case ResourceForm::pool: return ResourceKind::pool;
    case ResourceForm::concurrent_future:
    case ResourceForm::none: break;
  }
  return ResourceKind::future;
}

model::WaitGraph wait_graph(const HangLook& first, const HangLook& second,
                            const std::unordered_set<pid_t>& stood_still) {
  return Graph(first, second, stood_still).make();
}

}  // namespace aiotrace::app

#include "app/held_events.h"

#include <utility>

namespace aiotrace::app {

HeldEvents::Verdict HeldEvents::hold(std::uint32_t tid, std::uint64_t iteration, Event& event) {
  const auto [at, added] = threads_.try_emplace(tid);
  auto& thread = at->second;
  const bool anew = added || thread.iteration != iteration;
  if (anew) {
    thread.iteration = iteration;
    thread.released = false;
    thread.events.clear();
  }
  if (thread.released || thread.events.size() >= kMost) return Verdict::full;
  thread.events.push_back(std::move(event));
  return anew ? Verdict::held_anew : Verdict::held;
}

std::vector<HeldEvents::Event> HeldEvents::release(std::uint32_t tid, std::uint64_t iteration) {
  const auto thread = threads_.find(tid);
  if (thread == threads_.end() || thread->second.iteration != iteration) return {};
  thread->second.released = true;
  return std::exchange(thread->second.events, {});
}

}  // namespace aiotrace::app

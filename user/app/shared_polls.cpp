#include "app/shared_polls.h"

#include <algorithm>

namespace aiotrace::app {
namespace {

// A program can create threads at any rate; threads beyond this number are not compared with others.
constexpr std::size_t kMaxThreads = 16'384;

// Other threads of the same epoll that are compared with one iteration.
constexpr unsigned kMostLooks = 64;

std::uint64_t overlap_ns(const SharedPolls::Iteration& a, const SharedPolls::Iteration& b) {
  const auto from = std::max(a.start_ns, b.start_ns), to = std::min(a.end_ns, b.end_ns);
  return to > from ? to - from : 0;
}

}  // namespace

void SharedPolls::polls(std::uint32_t pid, std::uint32_t tid, std::int32_t epfd) {
  if (const auto known = pollers_.find({pid, tid}); known != pollers_.end()) {
    const auto threads = threads_.find({pid, known->second.epfd});
    threads->second.erase(tid);
    if (threads->second.empty()) threads_.erase(threads);
    pollers_.erase(known);
  }
  if (epfd < 0 || pollers_.size() >= kMaxThreads) return;
  pollers_.emplace(Thread{pid, tid}, Poller{.epfd = epfd, .last = {}});
  threads_[{pid, epfd}].insert(tid);
}

void SharedPolls::forget_process(std::uint32_t pid) {
  std::erase_if(pollers_, [pid](const auto& each) { return each.first.first == pid; });
  std::erase_if(threads_, [pid](const auto& each) { return each.first.first == pid; });
}

// How long the other thread was away from the epoll in this time; nothing if it polls another one, or has ended.
std::optional<std::uint64_t> SharedPolls::away_ns(const Thread& other, const Iteration& meanwhile) const {
  const auto& poller = pollers_.at(other);
  const auto thread = thread_of_(other.second);
  if (!thread || thread->pid != other.first || thread->exited || thread->epfd != poller.epfd) return std::nullopt;
  const bool away = thread->state != model::ThreadNow::State::in_poll && thread->start_ns != 0;
  const Iteration present{.start_ns = thread->start_ns, .end_ns = away ? meanwhile.end_ns : thread->start_ns};
  // The last long iteration may be the present one.
  if (poller.last.start_ns == present.start_ns) return overlap_ns(present, meanwhile);
  return overlap_ns(present, meanwhile) + overlap_ns(poller.last, meanwhile);
}

bool SharedPolls::taken_over(std::uint32_t pid, std::uint32_t tid, Iteration iteration, std::uint64_t warn_ns) {
  const auto known = pollers_.find({pid, tid});
  if (known == pollers_.end()) return false;
  known->second.last = iteration;
  unsigned looks = 0;
  for (const auto other : threads_.at({pid, known->second.epfd})) {
    if (other == tid) continue;
    if (++looks > kMostLooks) break;
    const auto away = away_ns({pid, other}, iteration);
    if (away && *away < warn_ns) return true;
  }
  return false;
}

}  // namespace aiotrace::app

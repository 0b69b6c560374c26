// Threads that take turns to poll one epoll: the workers of a scheduler (Go, tokio, Boost.Asio), not event loops.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "model/thread_now.h"

namespace aiotrace::app {

/// For programs whose polls no Python frame explains. If one thread waits while another one polls the same epoll,
/// nothing is delayed: it is no stall.
class SharedPolls {
 public:
  using ThreadOf = std::function<std::optional<model::ThreadNow>(std::uint32_t tid)>;
  explicit SharedPolls(ThreadOf thread_of) : thread_of_(std::move(thread_of)) {}

  /// The thread polls this epoll (its descriptor in the process); -1: no epoll any more.
  void polls(std::uint32_t pid, std::uint32_t tid, std::int32_t epfd);
  void forget_thread(std::uint32_t pid, std::uint32_t tid) { polls(pid, tid, -1); }
  void forget_process(std::uint32_t pid);

  struct Iteration {
    std::uint64_t start_ns = 0;  ///< CLOCK_MONOTONIC
    std::uint64_t end_ns = 0;    ///< end of the iteration, or now if it is not over
  };
  /// Adds a long iteration of the thread. True if another thread came back to the epoll during it: then the epoll was
  /// unattended for less than `warn_ns`, as far as the long iterations of all its threads show.
  [[nodiscard]] bool taken_over(std::uint32_t pid, std::uint32_t tid, Iteration iteration, std::uint64_t warn_ns);

 private:
  using Epoll = std::pair<std::uint32_t, std::int32_t>;    // pid and descriptor
  using Thread = std::pair<std::uint32_t, std::uint32_t>;  // pid and tid
  struct Poller {
    std::int32_t epfd = -1;
    Iteration last;  // long one
  };
  [[nodiscard]] std::optional<std::uint64_t> away_ns(const Thread& other, const Iteration& meanwhile) const;

  ThreadOf thread_of_;
  std::map<Thread, Poller> pollers_;
  std::map<Epoll, std::set<std::uint32_t>> threads_;
};

}  // namespace aiotrace::app

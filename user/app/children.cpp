#include "app/children.h"

#include <algorithm>
#include <array>

#include "proc/descendants.h"
#include "proc/thread_syscall.h"

namespace aiotrace::app {

std::size_t children_with_loops(const Target& target) {
  const std::array<pid_t, 1> pids{target.process().pid()};
  // A descriptor that the child inherited by fork is no sign of a loop of its own.
  const bool inherited = target.epolls() != 0;
  return static_cast<std::size_t>(std::ranges::count_if(proc::descendants(pids), [&](pid_t pid) {
    const auto child = Target::open(pid);
    if (!child) return false;
    if (!inherited && child->epolls() != 0) return true;
    return std::ranges::any_of(child->process().threads(),
                               [&](pid_t tid) { return proc::polled_epoll(pid, tid).has_value(); });
  }));
}

}  // namespace aiotrace::app

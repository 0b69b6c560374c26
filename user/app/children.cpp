#include "app/children.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "app/unseen_loops.h"
#include "proc/descendants.h"
#include "proc/thread_syscall.h"
#include "util/log.h"

namespace aiotrace::app {

namespace {

std::string in_words(const std::vector<pid_t>& pids) {
  constexpr std::size_t kShown = 3;
  std::string text = pids.size() == 1 ? "its child process " : "its child processes ";
  for (std::size_t i = 0; i < std::min(kShown, pids.size()); ++i)
    text += (i == 0 ? "" : ", ") + std::to_string(pids[i]);
  if (pids.size() > kShown) text += ", …";
  return text + (pids.size() == 1 ? " has an event loop" : " have event loops");
}

}  // namespace

std::vector<pid_t> children_with_loops(const Target& target) {
  const std::array<pid_t, 1> pids{target.process().pid()};
  // A descriptor that the child inherited by fork is no sign of a loop of its own.
  const bool inherited = target.epolls() != 0;
  std::vector<pid_t> found;
  std::ranges::copy_if(proc::descendants(pids), std::back_inserter(found), [&](pid_t pid) {
    const auto child = Target::open(pid);
    if (!child) return false;
    if (!inherited && child->epolls() != 0) return true;
    return std::ranges::any_of(child->process().threads(),
                               [&](pid_t tid) { return proc::polled_epoll(pid, tid).has_value(); });
  });
  return found;
}

std::string loops_of_children(pid_t pid) {
  const auto target = Target::open(pid);
  const auto pids = target ? children_with_loops(*target) : std::vector<pid_t>{};
  return pids.empty() ? "" : in_words(pids);
}

void say_loops_of_children(pid_t pid) {
  auto target = Target::open(pid);
  const auto pids = target ? children_with_loops(*target) : std::vector<pid_t>{};
  if (pids.empty()) return;
  (void)target->look();
  if (runs_asyncio_loop(*target)) return;
  say("pid " + std::to_string(pid) + " (" + target->comm() + ") runs no asyncio loop; " + in_words(pids));
}

}  // namespace aiotrace::app

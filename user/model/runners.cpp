#include "model/runners.h"

#include <algorithm>

namespace aiotrace::model {

std::vector<Runner> runners_of(const RunsSeen& seen) {
  std::vector<Runner> runners;
  auto end = seen.head.time_ns;
  for (auto run = seen.runs.begin(); run != seen.runs.end(); ++run) {
    // Runs that were written during the read may be out of order: no time is counted twice.
    end = std::min(end, run->end_ns);
    const auto next = std::next(run);
    const auto begin = next == seen.runs.end() ? seen.since_ns : std::max(next->end_ns, seen.since_ns);
    if (run->pid == 0 || begin >= end) continue;
    const auto same = std::ranges::find(runners, run->pid, &Runner::pid);
    if (same != runners.end())
      same->ns += end - begin;
    else
      runners.push_back({.pid = run->pid, .comm = run->comm, .ns = end - begin});
  }
  std::ranges::stable_sort(runners, std::ranges::greater{}, &Runner::ns);
  if (runners.size() > kMaxRunners) runners.resize(kMaxRunners);
  return runners;
}

}  // namespace aiotrace::model

#include "app/leak_watch.h"

#include <algorithm>
#include <utility>

#include "app/background.h"
#include "util/clock.h"

namespace aiotrace::app {
namespace {

constexpr std::uint64_t kFirstNs = 10'000'000'000;
// A scan takes some 50 ms.
constexpr std::uint64_t kStepNs = 20'000'000'000;
constexpr std::uint64_t kIntervalNs = 30'000'000'000;
constexpr std::uint64_t kRecheckNs = 5'000'000'000;
constexpr std::uint64_t kFirstRetryNs = 250'000'000;

std::uint64_t thread_cpu_ns() { return clock_ns(CLOCK_THREAD_CPUTIME_ID); }

}  // namespace

LeakWatch::LeakWatch(proc::Process process, LookShare share)
    : process_(std::move(process)),
      share_(share),
      scanner_(process_, model::kDefaultLeakAgeNs, &cancel_, LeakScanner::Holders::leave),
      thread_([this] { work(); }) {}

void LeakWatch::end(bool at_once) {
  if (at_once) cancel_ = true;
  pauses_.end();
  if (thread_.joinable()) thread_.join();
}

std::vector<LeakWatch::Look> LeakWatch::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(looks_, {});
}

std::optional<std::string> LeakWatch::take_not_asyncio() {
  const std::lock_guard lock(mutex_);
  if (!not_asyncio_ || std::exchange(not_asyncio_taken_, true)) return std::nullopt;
  return not_asyncio_;
}

// False: there is no Python in the process (yet), or the scan was cancelled.
bool LeakWatch::scan() {
  const auto scan = scanner_.scan();
  if (!scan) {
    const std::lock_guard lock(mutex_);
    not_asyncio_ = scanner_.not_asyncio();
    return false;
  }
  auto leaks = scanner_.leaks();
  // In a report of stalls, tasks that wait and that somebody can wake are not worth a message.
  std::erase_if(leaks, [](const auto& leak) { return leak.idle; });
  const std::lock_guard lock(mutex_);
  looks_.push_back({*scan, std::move(leaks)});
  return true;
}

void LeakWatch::work() {
  keep_rights_to_read();
  // A short run is about stalls, so it does not spend time on a scan while it watches.
  if (!pauses_.wait(kFirstNs + share_.first_ns(kStepNs))) {
    if (!cancel_ && process_.alive()) (void)scan();
    return;
  }
  std::uint64_t retry_ns = kFirstRetryNs;
  while (process_.alive()) {
    const std::uint64_t before_ns = thread_cpu_ns();
    std::uint64_t pause_ns = retry_ns;
    if (scan()) {
      pause_ns = share_.pause_after(thread_cpu_ns() - before_ns, kIntervalNs);
      retry_ns = kFirstRetryNs;
    } else {
      retry_ns = std::min(retry_ns * 2, kIntervalNs);
    }
    // Rechecks may use the same share of the time.
    for (std::uint64_t step_ns = kRecheckNs; pause_ns > 0;) {
      const auto slept_ns = std::min(pause_ns, step_ns);
      if (!pauses_.wait(slept_ns)) return;
      pause_ns -= slept_ns;
      const auto recheck_ns = thread_cpu_ns();
      scanner_.recheck();
      step_ns = share_.pause_after(thread_cpu_ns() - recheck_ns, kRecheckNs);
    }
  }
}

}  // namespace aiotrace::app

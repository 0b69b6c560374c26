#include "app/leak_watch.h"

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "app/leaks_command.h"

namespace aiotrace::app {
namespace {

constexpr std::uint64_t kIntervalNs = 30'000'000'000;
constexpr std::uint64_t kLongestIntervalNs = 600'000'000'000;
constexpr std::uint64_t kMostOfTheTime = 400;  // a scan takes at most one part in so many
constexpr std::uint64_t kGlanceNs = 5'000'000'000;
constexpr std::uint64_t kFirstRetryNs = 250'000'000;
constexpr int kNice = 10;

std::uint64_t thread_cpu_ns() {
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<std::uint64_t>(used.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(used.tv_nsec);
}

}  // namespace

LeakWatch::LeakWatch(proc::Process process)
    : process_(std::move(process)), scanner_(process_, kDefaultLeakAgeNs), thread_([this] { work(); }) {}

void LeakWatch::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::vector<LeakWatch::Look> LeakWatch::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(looks_, {});
}

// False: it is to end.
bool LeakWatch::wait(std::uint64_t ns) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, std::chrono::nanoseconds(ns), [this] { return stop_; });
}

void LeakWatch::work() {
  // The target's own threads, and ours that take stalls, go first. Not being able to step back is no reason to stop.
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNice);
  std::uint64_t retry_ns = kFirstRetryNs;
  while (process_.alive()) {
    const std::uint64_t before_ns = thread_cpu_ns();
    const auto scan = scanner_.scan();
    std::uint64_t pause_ns = retry_ns;
    if (scan) {
      pause_ns = std::clamp((thread_cpu_ns() - before_ns) * kMostOfTheTime, kIntervalNs, kLongestIntervalNs);
      retry_ns = kFirstRetryNs;
      auto leaks = scanner_.leaks();
      // Every task that waits is a candidate for being stuck: beside stalls that is no news.
      std::erase_if(leaks, [](const auto& leak) { return !leak.leak && leak.leak_class == model::LeakClass::stuck; });
      const std::lock_guard lock(mutex_);
      looks_.push_back({*scan, std::move(leaks)});
    } else {
      retry_ns = std::min(retry_ns * 2, kIntervalNs);
    }
    for (; pause_ns > 0; pause_ns -= std::min(pause_ns, kGlanceNs)) {
      if (!wait(std::min(pause_ns, kGlanceNs))) return;
      scanner_.glance();
    }
  }
}

}  // namespace aiotrace::app

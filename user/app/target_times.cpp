#include "app/target_times.h"

#include <time.h>

#include <algorithm>

namespace aiotrace::app {
namespace {

// The clock of a process's CPU time, as clock_getcpuclockid(3) makes it: MAKE_PROCESS_CPUCLOCK(pid, CPUCLOCK_SCHED) of
// the kernel's include/linux/posix-timers_types.h. It counts nanoseconds, also of a process that is not yet reaped.
std::optional<std::uint64_t> cpu_time_ns(std::uint32_t pid) {
  constexpr clockid_t kSched = 2;
  timespec time{};
  if (::clock_gettime(static_cast<clockid_t>(~pid << 3) | kSched, &time) != 0) return std::nullopt;
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_nsec);
}

}  // namespace

// A number that another process has by now has used less.
std::uint64_t TargetTimes::latest(std::uint32_t pid, const Times& times) {
  return std::max(times.last_ns, cpu_time_ns(pid).value_or(0));
}

void TargetTimes::begin(std::uint32_t pid) {
  if (running_.contains(pid)) return;
  if (const auto now = cpu_time_ns(pid))
    running_[pid] = {.first_ns = *now, .last_ns = *now};
  else
    known_ = false;
}

void TargetTimes::look() {
  for (auto& [pid, times] : running_) times.last_ns = latest(pid, times);
}

void TargetTimes::end(std::uint32_t pid) {
  const auto found = running_.find(pid);
  if (found == running_.end()) return;
  ended_ns_ += latest(pid, found->second) - found->second.first_ns;
  running_.erase(found);
}

std::optional<std::uint64_t> TargetTimes::cpu_ns() const {
  if (!known_) return std::nullopt;
  std::uint64_t sum = ended_ns_;
  for (const auto& [pid, times] : running_) sum += latest(pid, times) - times.first_ns;
  return sum;
}

}  // namespace aiotrace::app

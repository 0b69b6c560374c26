#include "proc/progress.h"

#include <charconv>
#include <string>

#include "proc/text_file.h"

namespace aiotrace::proc {
namespace {

/// A thread with this much CPU time has completed more than the rest of one bytecode.
constexpr std::uint64_t kEnoughNs = 200'000;

std::string dir_of(const Process& process, pid_t tid) {
  return "/proc/" + std::to_string(process.pid()) + "/task/" + std::to_string(tid);
}

std::optional<std::uint64_t> ran_ns(const Process& process, pid_t tid) {
  const auto times = sched_times(process, tid);
  return times ? std::optional(times->ran_ns) : std::nullopt;
}

char state_of(const Process& process, pid_t tid) {
  const auto text = read_text(dir_of(process, tid) + "/stat", 1024);
  const auto stat = text ? parse_stat(*text) : std::nullopt;
  return stat ? stat->state : '?';
}

bool wants_cpu(const Process& process, pid_t tid) { return state_of(process, tid) == 'R'; }

}  // namespace

// Documentation/scheduler/sched-stats.rst: "time spent on the cpu (in nanoseconds)", "time spent waiting on a
// runqueue".
std::optional<SchedTimes> sched_times(const Process& process, pid_t tid) {
  const auto text = read_text(dir_of(process, tid) + "/schedstat", 128);
  if (!text) return std::nullopt;
  SchedTimes times;
  const auto* const end = text->data() + text->size();
  const auto ran = std::from_chars(text->data(), end, times.ran_ns);
  if (ran.ec != std::errc() || ran.ptr == end) return std::nullopt;
  if (std::from_chars(ran.ptr + 1, end, times.waited_ns).ec != std::errc()) return std::nullopt;
  return times;
}

Progress::Progress(const Process& process) : process_(process) {
  for (const pid_t tid : process.threads()) {
    if (ran_ns_.size() >= kMaxThreads) break;
    if (const auto ns = ran_ns(process, tid)) ran_ns_.emplace(tid, *ns);
  }
}

bool Progress::made() const {
  for (const auto& [tid, before_ns] : ran_ns_) {
    const auto now_ns = ran_ns(process_, tid);
    if (now_ns && *now_ns < before_ns + kEnoughNs && wants_cpu(process_, tid)) return false;
  }
  return true;
}

StoodStill::StoodStill(const Process& process) : process_(process) {
  for (const pid_t tid : process.threads()) {
    if (ran_ns_.size() >= kMaxThreads) break;
    if (const auto ns = ran_ns(process, tid)) ran_ns_.emplace(tid, *ns);
  }
}

std::unordered_set<pid_t> StoodStill::threads() const {
  std::unordered_set<pid_t> still;
  for (const auto& [tid, before_ns] : ran_ns_) {
    const char state = state_of(process_, tid);  // read first: a thread that is woken in between has run
    if ((state == 'S' || state == 'D') && ran_ns(process_, tid) == before_ns) still.insert(tid);
  }
  return still;
}

}  // namespace aiotrace::proc

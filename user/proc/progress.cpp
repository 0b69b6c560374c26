#include "proc/progress.h"

#include <charconv>
#include <optional>
#include <string>

#include "proc/text_file.h"

namespace aiotrace::proc {
namespace {

/// A thread that had so much has been through more than the rest of one bytecode.
constexpr std::uint64_t kEnoughNs = 200'000;

std::string dir_of(const Process& process, pid_t tid) {
  return "/proc/" + std::to_string(process.pid()) + "/task/" + std::to_string(tid);
}

// The first number of it: Documentation/scheduler/sched-stats.rst, "time spent on the cpu (in nanoseconds)".
std::optional<std::uint64_t> ran_ns(const Process& process, pid_t tid) {
  const auto text = read_text(dir_of(process, tid) + "/schedstat", 128);
  std::uint64_t ns = 0;
  if (!text || std::from_chars(text->data(), text->data() + text->size(), ns).ec != std::errc()) return std::nullopt;
  return ns;
}

char state_of(const Process& process, pid_t tid) {
  const auto text = read_text(dir_of(process, tid) + "/stat", 1024);
  const auto stat = text ? parse_stat(*text) : std::nullopt;
  return stat ? stat->state : '?';
}

bool wants_cpu(const Process& process, pid_t tid) { return state_of(process, tid) == 'R'; }

}  // namespace

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
    const char state = state_of(process_, tid);  // before its time: who is woken in between has run
    if ((state == 'S' || state == 'D') && ran_ns(process_, tid) == before_ns) still.insert(tid);
  }
  return still;
}

}  // namespace aiotrace::proc

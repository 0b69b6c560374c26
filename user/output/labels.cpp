#include "output/labels.h"

#include <fmt/format.h>

#include "util/duration.h"

namespace aiotrace::output {
namespace {

using model::Cause;

std::string both(std::string_view a, std::string_view b) {
  return std::string(a).append(a.empty() || b.empty() ? "" : " ").append(b);
}

std::string runners(const model::Culprit& who) {
  constexpr std::size_t kMost = 4;
  std::string text;
  std::size_t shown = 0;
  for (const auto& [pid, comm, ns] : who.running) {
    if (++shown > kMost) return text + fmt::format(" and {} more", who.running.size() - kMost);
    text += fmt::format("{}{} (pid {}) {}", text.empty() ? "ran instead: " : ", ", comm, pid, format_ms_ns(ns));
  }
  return text;
}

}  // namespace

std::string task_label(const model::Task& task) {
  if (!task.name) return task.coroutine;
  return task.coroutine.empty() ? *task.name : *task.name + " (" + task.coroutine + ")";
}

std::string culprit_label(Cause cause, const model::Culprit& who) {
  switch (cause) {
    case Cause::native: return who.library.empty() ? who.function : both(who.library + ":", who.function);
    case Cause::gil: return who.tid == 0 ? "" : fmt::format("held by {} (tid {})", who.thread, who.tid);
    case Cause::file: return both(who.op, who.path);
    case Cause::fault: return who.path;
    case Cause::lock: return who.address == 0 ? "" : fmt::format("lock at {:#x}", who.address);
    case Cause::process: return who.pid == 0 ? "" : fmt::format("{} (pid {})", who.comm, who.pid);
    case Cause::network: {
      auto text = both(who.protocol, who.peer.empty() ? who.local : who.peer);
      return who.dns.value_or(false) ? both(text, "(DNS)") : text;
    }
    case Cause::cpu_wait: return runners(who);
    case Cause::throttled:
      return who.cgroup.empty()
                 ? ""
                 : fmt::format("{}: quota {} ms of {} ms", who.cgroup, who.quota_us / 1000, who.period_us / 1000);
    default: return "";
  }
}

std::string targets_label(const model::Watching& watching) {
  if (watching.all) return "every loop of the machine";
  return targets_label(watching.targets);
}

std::string process_label(std::uint32_t pid, const std::string& comm, const std::optional<std::string>& python) {
  return fmt::format("{} (pid {}{})", comm, pid, python ? ", Python " + *python : std::string());
}

std::string targets_label(const std::vector<model::Target>& targets) {
  if (targets.size() != 1) return fmt::format("{} processes", targets.size());
  const auto& target = targets.front();
  return process_label(target.pid, target.comm, target.python);
}

}  // namespace aiotrace::output

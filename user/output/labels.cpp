#include "output/labels.h"

#include <fmt/format.h>

#include "model/cause.h"
#include "util/duration.h"
#include "util/text.h"

namespace aiotrace::output {
namespace {

std::string both(std::string_view a, std::string_view b) {
  return std::string(a).append(a.empty() || b.empty() ? "" : " ").append(b);
}

std::string label_of(const model::NativeFunction& who) {
  return who.library.empty() ? who.function : both(who.library + ":", who.function);
}
std::string label_of(const model::GilHolder& who) {
  return who.tid == 0 ? "" : fmt::format("held by {} (tid {})", who.thread, who.tid);
}
std::string label_of(const model::FileUse& who) { return both(who.op, who.path); }
std::string label_of(const model::MappedFile& who) { return who.path; }
std::string label_of(const model::LockAt& who) {
  auto text = !who.name.empty() ? who.name : who.address == 0 ? "" : fmt::format("lock at {:#x}", who.address);
  if (who.holder) text = both(text, fmt::format("held by {} (tid {})", who.holder->thread, who.holder->tid));
  return text;
}
std::string label_of(const model::ChildProcess& who) {
  return who.pid == 0 ? "" : fmt::format("{} (pid {})", who.comm, who.pid);
}
std::string label_of(const model::SocketEnds& who) {
  auto text = both(who.protocol, who.peer.empty() ? who.local : who.peer);
  return who.dns.value_or(false) ? both(text, "(DNS)") : text;
}
std::string label_of(const model::Runners& who) {
  constexpr std::size_t kMost = 4;
  std::string text;
  std::size_t shown = 0;
  for (const auto& [pid, comm, ns] : who.running) {
    if (++shown > kMost) return text + fmt::format(" and {} more", who.running.size() - kMost);
    text += fmt::format("{}{} (pid {}) {}", text.empty() ? "ran instead: " : ", ", comm, pid, format_ms_ns(ns));
  }
  return text;
}
std::string label_of(const model::CpuQuota& who) {
  return who.cgroup.empty()
             ? ""
             : fmt::format("{}: quota {} ms of {} ms", who.cgroup, who.quota_us / 1000, who.period_us / 1000);
}

}  // namespace

std::string task_label(const model::Task& task) {
  if (!task.name) return task.coroutine;
  return task.coroutine.empty() ? *task.name : *task.name + " (" + task.coroutine + ")";
}

std::string place_causes(const model::Place& place) {
  constexpr std::uint64_t kLeastPart = 100;
  std::string text;
  std::size_t shown = 0;
  for (const auto cause : model::causes_by_size(place.cause_ns)) {
    const auto ns = place.cause_ns.at(model::index(cause));
    if (ns < place.ns / kLeastPart) break;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", model::name(cause), format_share(ns, place.ns));
    ++shown;
  }
  return shown < 2 ? std::string() : text;
}

std::string culprit_label(const model::Culprit& culprit) {
  return std::visit([](const auto& who) { return label_of(who); }, culprit);
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

std::string_view no_stack_label(model::Cause cause) {
  return cause == model::Cause::unknown ? "(before aiotrace was attached)" : "(no Python stack)";
}

}  // namespace aiotrace::output

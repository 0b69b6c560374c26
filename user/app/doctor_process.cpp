#include <algorithm>
#include <map>

#include "app/doctor_reports.h"
#include "app/memory_access.h"
#include "model/cause.h"
#include "proc/page_cache.h"
#include "proc/thread_syscall.h"
#include "python/build.h"
#include "python/frames.h"
#include "python/other_loops.h"
#include "python/running_loops.h"
#include "python/threads.h"
#include "symbolize/perf_map.h"
#include "util/clock.h"

namespace aiotrace::app {

namespace {

using model::Cause;
using model::Finding;

// Why the polls of an asyncio loop may not be seen.
std::string note_of(const python::RunningLoop& loop) {
  if (loop.polls_as_known()) return {};
  return (loop.selector.empty() ? "it has no selector of the standard library" : "it waits by " + loop.selector) +
         ": its stalls are seen only if it polls by epoll, poll or select";
}

std::vector<model::ProcessReport::Loop> loops_of(Target& target) {
  std::vector<model::ProcessReport::Loop> loops;
  const auto* interpreter = target.interpreter();
  std::map<pid_t, python::PythonThread> threads;
  std::map<pid_t, python::RunningLoop> running;
  if (interpreter != nullptr) {
    threads = python::python_threads(*interpreter, target.process(), target.memory());
    constexpr std::uint64_t kMostNs = 1'000'000'000;  // a program can attach data of any size to its loops
    proc::PageCache pages(target.memory());
    pages.end_at(monotonic_ns() + kMostNs);
    for (auto& loop : python::running_loops(*interpreter, target.process(), pages))
      running.emplace(loop.tid, std::move(loop));
  }
  for (const auto tid : target.process().threads()) {
    const auto thread = threads.find(tid);
    const auto runs = running.find(tid);
    const bool asyncio = (runs != running.end() && runs->second.kind != python::EventLoopKind::uvloop) ||
                         (thread != threads.end() &&
                          python::runs_loop(python::read_stack(*interpreter, target.memory(), thread->second.tstate)));
    const auto call = proc::current_syscall(target.process().pid(), tid);
    const auto epfd = call ? proc::polled_epoll(*call) : std::nullopt;
    if (!epfd && !asyncio) continue;
    auto kind = model::LoopKind::other;
    if (thread != threads.end() && interpreter->uvloop) kind = model::LoopKind::uvloop;
    if (asyncio) kind = model::LoopKind::asyncio;
    const auto own = static_cast<std::uint32_t>(tid);
    loops.push_back({.tid = own,
                     .thread = target.thread_name(own),
                     .kind = kind,
                     .epfd = epfd.value_or(-1),
                     .note = runs == running.end() ? std::string() : note_of(runs->second)});
  }
  return loops;
}

// Describes the process's Python, also one that is refused.
std::optional<python::InspectError> look_at_python(Target& target, model::ProcessReport& report) {
  (void)target.look();
  if (const auto* interpreter = target.interpreter()) {
    const auto build = python::look_at_build(*interpreter, target.process(), target.maps(), target.memory());
    report.python = model::ProcessReport::Python{.version = interpreter->version_text,
                                                 .supported = true,
                                                 .free_threaded = interpreter->free_threaded,
                                                 .gil = python::uses_gil(*interpreter, target.memory()),
                                                 .debug = build.debug,
                                                 .stripped = build.stripped,
                                                 .where = interpreter->where,
                                                 .note = interpreter->note};
    return std::nullopt;
  }
  auto found = python::inspect(target.process(), target.maps(), target.memory());
  if (found) return std::nullopt;  // it became readable after the first try: reported as not initialised
  const auto& error = found.error();
  if (error.why == python::NoPython::unknown) {
    model::ProcessReport::Python refused;
    if (!error.version.empty()) {
      refused.version = error.version;
      refused.free_threaded = error.free_threaded;
      if (!error.free_threaded) refused.gil = true;
    }
    refused.where = error.where;
    report.python = std::move(refused);
  }
  report.no_python = error.reason;
  return std::move(found.error());
}

std::string remedy_of(const python::InspectError& error) {
  if (!error.hint.empty()) return error.hint;
  switch (error.why) {
    case python::NoPython::not_initialized: return "try again after the program has started";
    case python::NoPython::not_python: return "its loops are traced as plain epoll loops";
    case python::NoPython::unknown: return "its loops are traced as plain epoll loops, without Python frames";
    case python::NoPython::unreadable: break;
  }
  return {};
}

Finding cause_finding(Cause cause, const Finding& watch, const std::optional<python::InspectError>& no_python,
                      const model::ProcessReport& report) {
  Finding finding{.name = std::string(model::name(cause)), .works = true, .note = {}, .reason = {}, .remedy = {}};
  if (!watch.works) {
    finding.works = false;
    finding.reason = watch.reason;
    finding.remedy = watch.remedy;
    return finding;
  }
  const bool of_python = cause == Cause::python || cause == Cause::gc || cause == Cause::gil;
  if (of_python && no_python) {
    finding.works = false;
    finding.reason = no_python->reason;
    finding.remedy = cause == Cause::gil  ? "a wait for the GIL counts as lock"
                     : cause == Cause::gc ? "the collector's time counts as native"
                                          : remedy_of(*no_python);
  }
  if (cause == Cause::gil && report.python && report.python->gil == false) {
    finding.works = false;
    finding.reason = "its threads run without a GIL";
    finding.remedy = "a wait for an object's lock counts as lock";
  }
  return finding;
}

Finding refused(Finding finding, std::string reason, std::string remedy) {
  finding.works = false;
  finding.reason = std::move(reason);
  finding.remedy = std::move(remedy);
  return finding;
}

// For commands that use the same BPF programs as the watching of stalls.
Finding probes_finding(const Finding& on_host, const std::optional<python::InspectError>& no_python) {
  Finding finding = on_host;
  if (finding.works && no_python) finding.note = "as a plain loop: " + no_python->reason;
  return finding;
}

// For commands that read memory: whether that is permitted depends on the process, not on the host.
Finding memory_finding(const CommandNeed& command, const Target& target,
                       const std::optional<python::InspectError>& no_python) {
  Finding finding{.name = std::string(command.name), .works = true, .note = {}, .reason = {}, .remedy = {}};
  if (const auto status = may_read(target.process()); !status)
    return refused(std::move(finding), "may not be read: " + status.error().reason, status.error().hint);
  if (no_python) return refused(std::move(finding), no_python->reason, no_python->hint);
  const auto* interpreter = target.interpreter();
  if (interpreter != nullptr) {
    if (auto why = python::why_no_tasks(*interpreter, target.process(), target.memory()))
      return refused(std::move(finding), std::move(*why), {});
  }
  if (interpreter != nullptr && !interpreter->asyncio_loaded)
    finding.note = "nothing to find yet: asyncio is not imported";
  return finding;
}

// Code that a JIT compiler created is in no file.
bool has_compiled_code(const Target& target) {
  constexpr std::uint64_t kLeast = 64 << 10;  // smaller mappings are trampolines
  return std::ranges::any_of(target.maps().all(), [](const proc::Mapping& mapping) {
    return mapping.executable && mapping.inode == 0 && mapping.end - mapping.start >= kLeast;
  });
}

Finding native_finding(const Finding& watch, const Target& target) {
  Finding finding = watch;
  finding.name = "watch --native";
  if (!finding.works || !has_compiled_code(target)) return finding;
  finding.note = symbolize::PerfMap().exists(target.process())
                     ? "names of compiled code by its /tmp/perf-PID.map"
                     : "compiled code has no names: no /tmp/perf-PID.map of its user (node writes one with "
                       "--perf-basic-prof)";
  return finding;
}

}  // namespace

model::ProcessReport look_at_process(Target target, const model::HostReport& host,
                                     std::span<const CommandNeed> commands) {
  model::ProcessReport report;
  report.pid = target.pid();
  report.comm = target.comm();
  const auto no_python = look_at_python(target, report);
  report.loops = loops_of(target);
  report.epolls = target.epolls();
  const auto* watch = command_of(host.commands, "watch");
  for (const auto& row : model::kCauseTable) {
    if (row.group == model::CauseGroup::not_seen) continue;  // there is nothing that could work
    report.causes.push_back(cause_finding(row.cause, watch != nullptr ? *watch : Finding{}, no_python, report));
  }
  if (watch != nullptr) report.commands.push_back(probes_finding(*watch, no_python));
  if (watch != nullptr) report.commands.push_back(native_finding(*watch, target));
  for (const auto& command : commands) {
    // Files do not depend on a process.
    const auto* on_host = command_of(host.commands, command.name);
    if (command.need == Need::nothing || on_host == nullptr) continue;
    report.commands.push_back(command.need == Need::memory ? memory_finding(command, target, no_python)
                                                           : probes_finding(*on_host, no_python));
  }
  return report;
}

}  // namespace aiotrace::app

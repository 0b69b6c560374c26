#include "app/daemon/process_looks.h"

#include <utility>

#include "app/background.h"
#include "proc/process.h"

namespace aiotrace::app {

void ProcessLooks::begin(std::uint32_t pid) {
  const LookShare share{.processes = config_.processes, .position = processes_.size()};
  auto& made = processes_[pid];
  // It can have ended by now.
  if (auto process = proc::Process::open(static_cast<pid_t>(pid)); process && config_.hangs)
    made.hangs = std::make_unique<HangWatch>(std::move(*process), share);
  if (auto process = proc::Process::open(static_cast<pid_t>(pid)); process && config_.leaks)
    made.leaks = std::make_unique<LeakWatch>(std::move(*process), share);
}

void ProcessLooks::follow(const std::set<std::uint32_t>& pids, const std::function<void(std::uint32_t)>& ended) {
  std::erase_if(processes_, [&](const auto& each) {
    if (pids.contains(each.first)) return false;
    ended(each.first);
    return true;
  });
  for (const auto pid : pids) {
    if (processes_.size() >= config_.processes) return;
    if (!processes_.contains(pid)) begin(pid);
  }
}

ProcessLooks::Found ProcessLooks::take(std::uint32_t pid, Process& process) {
  Found found{.pid = pid};
  if (process.hangs) {
    found.hangs = process.hangs->take();
    if (const auto last = process.hangs->last()) found.tasks = last->scan.tasks;
  }
  if (!process.leaks) return found;
  for (const auto& look : process.leaks->take()) {
    found.leaks = model::count_leaks(look.leaks, true);
    found.scan = look.scan;
    for (auto& leak : process.news.of(look.leaks)) found.new_leaks.push_back(std::move(leak));
  }
  return found;
}

void ProcessLooks::take(const std::function<void(const Found&)>& take_found) {
  for (auto& [pid, process] : processes_) take_found(take(pid, process));
}

}  // namespace aiotrace::app

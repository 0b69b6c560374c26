#include "app/loop_reader.h"

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "app/background.h"
#include "app/python_stack.h"
#include "app/task_rows.h"
#include "proc/maps.h"
#include "proc/memory.h"
#include "proc/thread_syscall.h"
#include "python/frames.h"
#include "python/interpreter.h"
#include "python/other_loops.h"
#include "python/tasks.h"
#include "python/threads.h"
#include "util/clock.h"

namespace aiotrace::app {
namespace {

constexpr std::uint64_t kIntervalNs = 2'000'000'000;
constexpr std::uint64_t kShare = 20;
constexpr std::size_t kMaxGroups = 500;

// The place of a task: the same line and the same kind of wait.
using Place = std::tuple<std::string, std::uint64_t, std::uint32_t, python::TaskState, int>;

Place place_of(const python::Task& task) {
  const auto code = task.stack.empty() ? std::uint64_t{0} : task.stack.front().code_at;
  const auto line = task.stack.empty() ? task.line : task.stack.back().line;
  return {task.coroutine, code, line, task.state, static_cast<int>(task.waits_for.kind)};
}

void add_tasks(model::LoopLook& look, const python::TaskSnapshot& snapshot, std::uint32_t pid, std::uint32_t tid) {
  struct Group {
    const python::Task* first = nullptr;
    std::size_t count = 0;
  };
  std::map<Place, Group> places;
  for (const auto& task : snapshot.tasks) {
    if (static_cast<std::uint32_t>(task.tid) != tid || task.state == python::TaskState::finished) continue;
    auto& group = places[place_of(task)];
    if (group.count++ == 0) group.first = &task;
    ++look.tasks;
  }
  std::vector<Group> groups;
  groups.reserve(places.size());
  for (const auto& [place, group] : places) groups.push_back(group);
  std::ranges::stable_sort(groups, [](const Group& a, const Group& b) { return a.count > b.count; });
  const auto shown = std::min(groups.size(), kMaxGroups);
  look.more_groups = groups.size() - shown;
  for (std::size_t i = 0; i < shown; ++i)
    look.groups.push_back({.first = task_row(snapshot, *groups[i].first, pid), .count = groups[i].count});
  look.torn = snapshot.torn || snapshot.too_many;
}

}  // namespace

LoopReader::LoopReader(proc::Process process, std::uint32_t tid)
    : process_(std::move(process)), tid_(tid), thread_([this] { work(); }) {}

LoopReader::~LoopReader() {
  cancel_ = true;
  pauses_.end();
  thread_.join();
}

std::shared_ptr<const model::LoopLook> LoopReader::last() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

model::LoopLook LoopReader::look() const {
  const auto pid = process_.pid();
  const auto tid = static_cast<pid_t>(tid_);
  model::LoopLook look{.time_ns = monotonic_ns(), .in_poll = proc::polled_epoll(pid, tid).has_value(), .stack = {}};
  const auto maps = proc::Maps::read(pid);
  if (!maps) {
    look.problem = maps.error().message();
    return look;
  }
  const proc::LiveMemory memory(pid, &cancel_);
  const auto interpreter = python::inspect(process_, *maps, memory);
  if (!interpreter) {
    look.problem = python::as_error(interpreter.error(), process_).message();
    return look;
  }
  const auto threads = python::python_threads(*interpreter, process_, memory);
  if (const auto thread = threads.find(tid); thread != threads.end()) {
    auto stack = to_stack(python::read_stack(*interpreter, memory, thread->second.tstate));
    if (!stack.empty()) look.stack = std::move(stack);
  }
  if (const auto why = python::why_no_tasks(*interpreter, process_, memory)) {
    look.problem = *why;
    return look;
  }
  python::TaskReader reader(*interpreter, process_, memory);
  const auto snapshot = reader.read();
  if (!snapshot)
    look.problem = snapshot.error().message();
  else if (!snapshot->problem.empty())
    look.problem = snapshot->problem;
  else
    add_tasks(look, *snapshot, static_cast<std::uint32_t>(pid), tid_);
  return look;
}

void LoopReader::work() {
  keep_rights_to_read();
  std::uint64_t pause_ns = 0;
  while (pause_ns == 0 || pauses_.wait(pause_ns)) {
    const auto before_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    auto found = std::make_shared<const model::LoopLook>(look());
    if (cancel_) return;
    {
      const std::lock_guard lock(mutex_);
      last_ = std::move(found);
    }
    if (!process_.alive()) return;
    pause_ns = std::max(kIntervalNs, (clock_ns(CLOCK_THREAD_CPUTIME_ID) - before_ns) * kShare);
  }
}

}  // namespace aiotrace::app

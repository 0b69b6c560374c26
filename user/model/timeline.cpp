#include "model/timeline.h"

#include <algorithm>

namespace aiotrace::model {
namespace {

// As the user knows the task: by its name where that was asked for.
std::string label(const ProfileRow& row) {
  if (!row.task) return {};
  return row.task->name && !row.task->name->empty() ? *row.task->name : row.task->coroutine;
}

}  // namespace

Timeline::Thread* Timeline::thread(const ProfileRow& row) {
  if (moments_ >= most_) {
    over_++;
    return nullptr;
  }
  return &threads_[{row.pid, row.tid}];
}

void Timeline::note(Thread& thread, const ProfileRow& row, std::size_t before) {
  const auto& all = thread.moments.all();
  moments_ += all.size() - before;
  if (all.empty()) return;
  const auto& last = all.back();
  const auto task = label(row);
  const auto end_ns = last.start_ns + last.ns;
  const bool same = !thread.tasks.empty() && thread.tasks.back().task == task;
  if (same && all.size() == before) {
    thread.tasks.back().end_ns = std::max(thread.tasks.back().end_ns, end_ns);
    return;
  }
  const auto from_ns = std::max(last.start_ns, thread.tasks.empty() ? 0 : thread.tasks.back().end_ns);
  if (from_ns >= end_ns) return;
  // One step of the task is told from the next only where another's, or none's, came between.
  if (same && thread.tasks.back().end_ns == from_ns) {
    thread.tasks.back().end_ns = end_ns;
  } else if (!task.empty()) {
    thread.tasks.push_back({.start_ns = from_ns, .end_ns = end_ns, .task = task});
  }
}

void Timeline::add_sample(const ProfileRow& row, std::uint64_t time_ns, std::uint64_t cpu_ns) {
  auto* of = thread(row);
  if (of == nullptr) return;
  const auto before = of->moments.all().size();
  of->moments.add_sample(time_ns, cpu_ns, row.cause, row.syscall, row.stack);
  note(*of, row, before);
}

void Timeline::add_wait(const ProfileRow& row, std::uint64_t start_ns, std::uint64_t ns) {
  auto* of = thread(row);
  if (of == nullptr) return;
  const auto before = of->moments.all().size();
  of->moments.add_wait(start_ns, ns, row.cause, row.syscall, row.stack, row.culprit);
  note(*of, row, before);
}

}  // namespace aiotrace::model

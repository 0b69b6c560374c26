#include "model/timeline.h"

#include <algorithm>

namespace aiotrace::model {
namespace {

// The task as the user knows it: by its name if names were requested.
std::string label(const ProfileRow& row) {
  if (!row.task) return {};
  return row.task->name && !row.task->name->empty() ? *row.task->name : row.task->coroutine;
}

}  // namespace

Timeline::Thread* Timeline::thread(const ProfileRow& row) {
  if (kept_ >= most_) {
    over_++;
    return nullptr;
  }
  return &threads_[{row.pid, row.tid}];
}

void Timeline::note(Thread& thread, const ProfileRow& row, const Before& before) {
  const auto& all = thread.moments.all();
  kept_ += all.size() - before.moments;
  if (all.empty()) return;
  const auto& last = all.back();
  const auto end_ns = last.start_ns + last.ns;
  // The earlier part of a stretch may belong to another task.
  const bool goes_on = all.size() == before.moments;
  const auto last_end_ns = thread.tasks.empty() ? 0 : thread.tasks.back().end_ns;
  const auto from_ns = std::max(goes_on ? before.end_ns : last.start_ns, last_end_ns);
  const auto task = label(row);
  if (from_ns >= end_ns || task.empty()) return;
  // Two steps of the same task are only separate if time of another task, or of no task, is between them.
  if (last_end_ns == from_ns && !thread.tasks.empty() && thread.tasks.back().task == task) {
    thread.tasks.back().end_ns = end_ns;
  } else {
    thread.tasks.push_back({.start_ns = from_ns, .end_ns = end_ns, .task = task});
    kept_++;  // tasks that take turns in one function make one stretch, and one run each
  }
}

Timeline::Before Timeline::before(const Thread& thread) {
  const auto& all = thread.moments.all();
  return {.moments = all.size(), .end_ns = all.empty() ? 0 : all.back().start_ns + all.back().ns};
}

void Timeline::add_sample(const ProfileRow& row, std::uint64_t time_ns, std::uint64_t cpu_ns) {
  auto* of = thread(row);
  if (of == nullptr) return;
  const auto so_far = before(*of);
  of->moments.add_sample(time_ns, cpu_ns, row.cause, row.syscall, row.stack);
  note(*of, row, so_far);
}

void Timeline::add_wait(const ProfileRow& row, std::uint64_t start_ns, std::uint64_t ns) {
  auto* of = thread(row);
  if (of == nullptr) return;
  const auto so_far = before(*of);
  of->moments.add_wait(start_ns, ns, row.cause, row.syscall, row.stack, row.culprit);
  note(*of, row, so_far);
}

}  // namespace aiotrace::model

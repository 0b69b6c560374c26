#include "app/silent_tasks.h"

#include "app/await_places.h"

namespace aiotrace::app {

SilentTasks::Await SilentTasks::await_of(const python::Task& task) {
  return {.place = hash_of_place(task, hash_of_chain(task)), .object = task.waits_for.object};
}

void SilentTasks::begin(const python::TaskSnapshot& snapshot) {
  since_ns_ = snapshot.read_ns;
  for (const auto& task : snapshot.tasks) {
    if (suspended(task) && matches(task, match_)) at_begin_.emplace(task.object, await_of(task));
  }
}

std::vector<model::AwaitSite> SilentTasks::end(const python::TaskSnapshot& snapshot,
                                               const std::unordered_set<std::uint64_t>& stepped) const {
  std::vector<model::AwaitSite> sites;
  for (const auto& task : snapshot.tasks) {
    const auto before = at_begin_.find(task.object);
    if (before == at_begin_.end() || stepped.contains(task.object) || !suspended(task)) continue;
    if (await_of(task) != before->second) continue;
    // The coroutine's name as in ChainNames: by its code object.
    sites.push_back({.coroutine = task.stack_cut ? task.coroutine : task.stack.back().code->function,
                     .place = own_place(task),
                     .awaits = text_of(task.waits_for)});
  }
  return sites;
}

}  // namespace aiotrace::app

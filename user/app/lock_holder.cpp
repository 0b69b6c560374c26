#include "app/lock_holder.h"

#include "app/hang_graph.h"
#include "app/python_stack.h"
#include "proc/page_cache.h"
#include "python/frames.h"
#include "python/hang_look.h"
#include "python/resource_names.h"
#include "python/threads.h"
#include "util/clock.h"

namespace aiotrace::app {

std::optional<model::LockAt> held_lock(Target& target, std::uint32_t tid, std::uint64_t futex) {
  const auto* interpreter = target.interpreter();
  if (interpreter == nullptr || !interpreter->initialized) return std::nullopt;
  // The time limit: the records of all processes wait during that time.
  constexpr std::uint64_t kMostNs = 100'000'000;
  proc::PageCache pages(target.memory());
  pages.end_at(monotonic_ns() + kMostNs);
  python::CodeCache codes(pages, interpreter->layout);
  python::AsyncioReader reader(*interpreter, pages, codes);
  const auto threads = python::python_threads(*interpreter, target.process(), pages);
  const auto look = python::look_for_hangs(reader, target.process().pid(), threads, python::LookAt::threads);
  const auto party = look.threads.find(static_cast<pid_t>(tid));
  if (party == look.threads.end() || look.parties[party->second].waits.empty()) return std::nullopt;
  const auto& waiter = look.parties[party->second];
  const auto& resource = look.resources[waiter.waits.front()];
  if (resource.what != python::LookResource::What::object) return std::nullopt;
  model::LockAt lock{.address = futex};
  python::Nameless nameless{.object = resource.object, .frames = waiter.frames};
  // Semaphores, queues and events have no single holder for which the thread waits.
  if (kind_of(resource) == model::ResourceKind::lock && resource.holds.size() == 1 &&
      !look.parties[resource.holds.front().party].task) {
    const auto& hold = resource.holds.front();
    const auto& holder = look.parties[hold.party];
    nameless.frames.insert(nameless.frames.end(), holder.frames.begin(), holder.frames.end());
    const auto id = static_cast<std::uint32_t>(holder.tid);
    lock.holder = model::LockHolder{.tid = id,
                                    .thread = target.thread_name(id),
                                    .how = how_of(hold.how),
                                    .stack = to_stack(python::read_stack(*interpreter, pages, holder.object))};
  }
  const auto names = python::name_resources(reader, {nameless});
  if (const auto name = names.find(resource.object); name != names.end()) lock.name = name->second;
  if (pages.late()) return std::nullopt;
  return lock;
}

}  // namespace aiotrace::app

#include "python/hang_holders.h"

#include <optional>
#include <unordered_set>

#include "python/containers.h"
#include "python/loops.h"

namespace aiotrace::python {
namespace {

// Tasks that have a part of one limiter; of one with more no holder is known.
constexpr std::size_t kMaxOwners = 65'536;

std::vector<LookHold> distinct(const std::vector<LookHold>& all) {
  std::vector<LookHold> found;
  std::unordered_set<std::uint32_t> parties;
  for (const LookHold& each : all) {
    if (parties.insert(each.party).second) found.push_back(each);
  }
  return found;
}

// All units are taken, and who took each of them is known.
bool all_known(const LookResource& resource) {
  const auto& [out, capacity] = std::pair(resource.state.out, resource.state.capacity);
  return out && capacity && *out >= *capacity && *out == resource.holds.size();
}

}  // namespace

void HolderFinder::add(LookResource& resource, std::uint32_t party) {
  resource.holds.push_back({.party = party, .how = LookHold::How::owner});
}

void HolderFinder::run() {
  for (auto& resource : look_.resources) {
    switch (resource.what) {
      case LookResource::What::task: of_task(resource); break;
      case LookResource::What::object: of_object(resource); break;
      case LookResource::What::future: (void)of_worker(resource); break;
      case LookResource::What::pipe: break;
    }
  }
}

void HolderFinder::of_task(LookResource& resource) const {
  const auto task = index_.task.find(resource.object);
  if (task == index_.task.end()) return;
  add(resource, task->second);
  resource.closed = true;
}

// A pool's thread that works for the future.
bool HolderFinder::of_worker(LookResource& resource) const {
  const auto thread = executors_.thread_of(resource.object);
  if (!thread) return false;
  add(resource, *thread);
  resource.closed = true;
  return true;
}

// A coroutine that another thread has handed to a loop: the task, or what the loop has still to call.
void HolderFinder::of_coroutine(LookResource& resource) {
  const auto state = reader_.objects().text(resources_.attribute(resource.object, "_state"), 32);
  if (state != "PENDING" && state != "RUNNING") return;
  if (const auto task = index_.task.find(executors_.task_behind(resource.object)); task != index_.task.end()) {
    add(resource, task->second);
    resource.closed = true;
    return;
  }
  const auto thread = handed().find(resource.object);
  if (thread == handed().end()) return;
  add(resource, thread->second);
  resource.closed = true;
}

// Read once: a loop can have many callbacks to run, and many can wait for one of these.
const std::unordered_map<std::uint64_t, std::uint32_t>& HolderFinder::handed() {
  if (handed_) return *handed_;
  handed_.emplace();
  for (const auto& [loop, tid] : running_.loops) {
    const auto thread = look_.threads.find(tid);
    if (thread == look_.threads.end()) continue;
    for (const std::uint64_t object : handed_over(reader_.objects(), read_loop(reader_.objects(), loop)))
      handed_->try_emplace(object, thread->second);
  }
  return *handed_;
}

void HolderFinder::of_pool(LookResource& resource) const {
  const ThreadPool* pool = executors_.pool(resource.object);
  if (pool == nullptr) return;
  resource.holds.clear();  // `with executor:` takes no thread
  for (const std::uint32_t thread : pool->busy) add(resource, thread);
  resource.state.out = pool->busy.size();
  resource.closed = pool->idle == 0 && resource.state.capacity == resource.holds.size();
}

void HolderFinder::of_thread(LookResource& resource) const {
  const auto ident = reader_.objects().unsigned_int(resources_.attribute(resource.object, "_ident"));
  const auto thread = ident ? index_.ident.find(*ident) : index_.ident.end();
  if (thread == index_.ident.end()) return;
  add(resource, thread->second);
  resource.closed = true;
}

// The tasks that it says itself; one that has ended is no party.
void HolderFinder::of_anyio(LookResource& resource) const {
  const bool limiter = resource.type.form == ResourceForm::anyio_limiter;
  std::vector<std::uint64_t> owners{resources_.attribute(resource.object, "_owner_task")};
  if (limiter) {
    const std::uint64_t borrowers = resources_.attribute(resource.object, "_borrowers");
    owners = set_items(reader_.objects(), borrowers, kMaxOwners).value_or(std::vector<std::uint64_t>{});
  }
  resource.holds.clear();
  for (const std::uint64_t owner : owners) {
    if (const auto task = index_.task.find(owner); task != index_.task.end()) add(resource, task->second);
  }
  resource.closed = limiter ? all_known(resource) : resource.holds.size() == 1;
}

void HolderFinder::of_lock(LookResource& resource) const {
  if (resource.type.form == ResourceForm::thread_rlock) {
    resource.holds.clear();
    const auto owner = index_.ident.find(resource.state.owner_thread);
    if (resource.state.locked.value_or(false) && owner != index_.ident.end()) add(resource, owner->second);
    resource.closed = !resource.holds.empty();
    return;
  }
  resource.closed = resource.state.locked.value_or(false) && resource.holds.size() == 1;
}

void HolderFinder::of_object(LookResource& resource) {
  const auto entered = index_.entered.find(resource.object);
  if (entered != index_.entered.end()) resource.holds = distinct(entered->second);
  switch (resource.type.form) {
    case ResourceForm::asyncio_lock:
    case ResourceForm::thread_lock:
    case ResourceForm::thread_rlock: of_lock(resource); break;
    case ResourceForm::asyncio_semaphore: resource.closed = all_known(resource); break;
    case ResourceForm::anyio_limiter:
    case ResourceForm::anyio_lock: of_anyio(resource); break;
    case ResourceForm::thread: of_thread(resource); break;
    case ResourceForm::concurrent_future:
      if (!of_worker(resource)) of_coroutine(resource);
      break;
    case ResourceForm::thread_pool: of_pool(resource); break;
    default: break;
  }
}

}  // namespace aiotrace::python

#include "python/executors.h"

#include <algorithm>
#include <span>
#include <string_view>

#include "python/containers.h"
#include "python/thread_waits.h"

namespace aiotrace::python {
namespace {

constexpr std::uint32_t kPython313 = 0x030d0000;
// Limit: work items in all queues together that are read.
constexpr std::size_t kMaxQueued = 1'000'000;
// _chain_future()'s callbacks have five cells at most, and are the first callbacks of a future.
constexpr std::size_t kMaxCells = 16;
constexpr std::size_t kMaxCallbacks = 8;
constexpr std::string_view kWorker = "concurrent/futures/thread.py";
constexpr std::string_view kAnyioWorker = "anyio/_backends/_asyncio.py";

std::string_view bare(std::string_view function) { return function.substr(function.rfind('.') + 1); }

}  // namespace

void ExecutorReader::add_worker(std::uint32_t number, const PythonFrame& worker, bool innermost) {
  const Coroutine frame = as_coroutine(worker);
  const std::uint64_t reference = reader_.variable(frame, "executor_reference");
  if (reference == 0) return;
  const auto executor =
      reader_.memory().pointer(reference + reader_.interpreter().layout.user.weakref_object).value_or(0);
  if (resources_.type_of(executor).form != ResourceForm::thread_pool) return;
  ThreadPool& pool = pools_[executor];
  pool.object = executor;
  queues_.emplace(reader_.variable(frame, "work_queue"), executor);
  const std::uint64_t item = reader_.variable(frame, "work_item");
  if (innermost || item == 0 || reader_.is_none(item)) {
    pool.idle++;
    return;
  }
  pool.busy.push_back(number);
  if (const std::uint64_t future = resources_.attribute(item, "future"); future != 0) runs_.emplace(future, number);
}

void ExecutorReader::add_thread(std::uint32_t number, const std::vector<PythonFrame>& stack) {
  for (std::size_t i = 0; i < stack.size(); ++i) {
    const std::string_view function = bare(stack[i].function);
    if (function != "_worker" && function != "run") continue;
    const auto file = reader_.interpreter().libraries.inside(stack[i].file);
    if (file == kWorker && function == "_worker") {
      add_worker(number, stack[i], i == 0);
    } else if (file == kAnyioWorker && i > 0) {  // WorkerThread.run()
      const std::uint64_t future = reader_.variable(as_coroutine(stack[i]), "future");
      if (reader_.futures().kind_of(future) == FutureKind::future) runs_.emplace(future, number);
    }
  }
}

// Modules/_queuemodule.c, simplequeueobject. To 3.12: lock, int locked, the list lst, lst_pos; from 3.13 on: bool
// has_threads_waiting and RingBuf {put_idx, get_idx, items, items_cap, num_items}.
std::vector<std::uint64_t> ExecutorReader::queued_items(std::uint64_t simple_queue, std::size_t most) const {
  if (reader_.type_name(simple_queue) != "_queue.SimpleQueue") return {};
  const auto& memory = reader_.memory();
  const std::uint64_t head = simple_queue + reader_.interpreter().layout.bpf.obj_type + 8;
  if (reader_.interpreter().layout.bpf.version < kPython313) {
    const auto list = memory.pointer(head + 16);
    const auto first = memory.read<std::uint64_t>(head + 24);
    if (!list || length_of(reader_.objects(), *list).value_or(0) > most) return {};
    auto items = list_items(reader_.objects(), *list);
    if (!items || !first) return {};
    // Taken items are nulls at the beginning of the list; list_items() drops nulls.
    return *std::move(items);
  }
  struct Ring {
    std::uint64_t put, get, items, capacity, count;
  };
  const auto ring = memory.read<Ring>(head + 8);
  // The ring is halved when less than a fourth of it is in use; the smallest ring has 8 slots.
  if (!ring || ring->count > most || ring->capacity > 4 * most + 8 || ring->get >= ring->capacity) return {};
  std::vector<std::uint64_t> slots(ring->capacity);
  if (!memory.read(ring->items, std::as_writable_bytes(std::span(slots)))) return {};
  std::vector<std::uint64_t> found;
  for (std::uint64_t i = 0; i < std::min(ring->count, ring->capacity); ++i) {
    const std::uint64_t item = slots[(ring->get + i) % ring->capacity];
    if (item != 0) found.push_back(item);
  }
  return found;
}

void ExecutorReader::finish() {
  std::size_t left = kMaxQueued;
  for (const auto& [queue, executor] : queues_) {
    ThreadPool& pool = pools_[executor];
    pool.queued = 0;
    const auto items = queued_items(queue, left);
    left -= items.size();
    for (const std::uint64_t item : items) {
      const std::uint64_t future = resources_.attribute(item, "future");
      if (future == 0) continue;
      ++*pool.queued;
      queued_.emplace(future, executor);
    }
  }
}

std::vector<std::uint64_t> ExecutorReader::closure_of(std::uint64_t callback) {
  if (reader_.type_name(callback) != "function") return {};
  const auto& user = reader_.interpreter().layout.user;
  const auto code = reader_.memory().pointer(callback + user.function_code);
  const KnownFunction* known = reader_.known().find(code.value_or(0));
  if (known == nullptr || known->role != CodeRole::done_callback || known->wait != WaitKind::executor) return {};
  const auto closure = reader_.memory().pointer(callback + user.function_closure);
  auto cells = closure ? tuple_items(reader_.objects(), *closure, kMaxCells) : std::nullopt;
  if (!cells) return {};
  for (std::uint64_t& cell : *cells) cell = reader_.memory().read<std::uint64_t>(cell + user.cell_value).value_or(0);
  return *std::move(cells);
}

// Lib/asyncio/futures.py, _chain_future(): the first callback of a future that follows another one is
// _call_check_cancel(), which has both futures in its closure.
std::uint64_t ExecutorReader::followed_by(std::uint64_t future) {
  const auto fields = reader_.futures().read(future);
  if (!fields || fields->task) return 0;
  for (const std::uint64_t object : closure_of(reader_.futures().first_callback(*fields))) {
    if (resources_.type_of(object).form == ResourceForm::concurrent_future) return object;
  }
  return 0;
}

std::uint64_t ExecutorReader::task_behind(std::uint64_t concurrent_future) {
  const std::uint64_t callbacks = resources_.attribute(concurrent_future, "_done_callbacks");
  const auto items = callbacks != 0 ? list_items(reader_.objects(), callbacks, kMaxCallbacks) : std::nullopt;
  if (!items) return 0;
  for (const std::uint64_t callback : *items) {
    for (const std::uint64_t object : closure_of(callback)) {
      if (reader_.futures().kind_of(object) == FutureKind::task) return object;
    }
  }
  return 0;
}

std::optional<std::uint32_t> ExecutorReader::thread_of(std::uint64_t future) const {
  const auto known = runs_.find(future);
  return known != runs_.end() ? std::optional(known->second) : std::nullopt;
}

const ThreadPool* ExecutorReader::pool(std::uint64_t executor) const {
  const auto known = pools_.find(executor);
  return known != pools_.end() ? &known->second : nullptr;
}

const ThreadPool* ExecutorReader::queue_of(std::uint64_t concurrent_future) const {
  const auto known = queued_.find(concurrent_future);
  return known != queued_.end() ? pool(known->second) : nullptr;
}

}  // namespace aiotrace::python

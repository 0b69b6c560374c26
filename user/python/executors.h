// Pools of threads: what each thread works on, and the futures of that work.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "python/frames.h"
#include "python/resources.h"

namespace aiotrace::python {

/// A concurrent.futures.ThreadPoolExecutor with at least one thread.
struct ThreadPool {
  std::uint64_t object = 0;
  std::vector<std::uint32_t> busy;    ///< busy threads, by the number that was passed to add_thread()
  std::size_t idle = 0;               ///< threads without work
  std::optional<std::size_t> queued;  ///< queued work
};

/// For one look at a process. Add all threads first, then read what depends on them.
class ExecutorReader {
 public:
  /// Both must outlive this object.
  ExecutorReader(AsyncioReader& reader, ResourceReader& resources) : reader_(reader), resources_(resources) {}

  void add_thread(std::uint32_t number, const std::vector<PythonFrame>& stack);
  /// Reads the queues of the pools, after all threads were added. Queues that are too long are not read.
  void finish();

  /// The concurrent.futures.Future that an asyncio.Future follows (wrap_future(), run_in_executor()); 0: none.
  [[nodiscard]] std::uint64_t followed_by(std::uint64_t future);
  /// The asyncio task whose result a concurrent.futures.Future gets (run_coroutine_threadsafe()); 0: none.
  [[nodiscard]] std::uint64_t task_behind(std::uint64_t concurrent_future);
  /// The thread that works on a future now.
  [[nodiscard]] std::optional<std::uint32_t> thread_of(std::uint64_t future) const;
  /// The pool whose queue has the work of a future; null: none.
  [[nodiscard]] const ThreadPool* queue_of(std::uint64_t concurrent_future) const;
  [[nodiscard]] const ThreadPool* pool(std::uint64_t executor) const;

 private:
  /// Nothing if the queue has more than `most` items.
  [[nodiscard]] std::vector<std::uint64_t> queued_items(std::uint64_t simple_queue, std::size_t most) const;
  /// The two futures of _chain_future()'s callback; nothing for another callback.
  [[nodiscard]] std::vector<std::uint64_t> closure_of(std::uint64_t callback);
  void add_worker(std::uint32_t number, const PythonFrame& worker, bool innermost);

  AsyncioReader& reader_;
  ResourceReader& resources_;
  std::unordered_map<std::uint64_t, ThreadPool> pools_;      // by executor
  std::unordered_map<std::uint64_t, std::uint64_t> queues_;  // executor, by its SimpleQueue
  std::unordered_map<std::uint64_t, std::uint32_t> runs_;    // thread, by future
  std::unordered_map<std::uint64_t, std::uint64_t> queued_;  // executor, by future
};

}  // namespace aiotrace::python

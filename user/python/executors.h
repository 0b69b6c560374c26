// Pools of threads: whose work a thread does, and which futures stand for it.
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
  std::vector<std::uint32_t> busy;    ///< threads that work, by the number that add_thread() was given
  std::size_t idle = 0;               ///< threads that wait for work
  std::optional<std::size_t> queued;  ///< work that no thread has taken yet
};

/// Of one look at a process. Threads first, then what depends on them.
class ExecutorReader {
 public:
  /// Both must outlive this object.
  ExecutorReader(AsyncioReader& reader, ResourceReader& resources) : reader_(reader), resources_(resources) {}

  void add_thread(std::uint32_t number, const std::vector<PythonFrame>& stack);
  /// Looks into the queues of the pools, once all threads are there. Work in queues that are too long is not known.
  void finish();

  /// The concurrent.futures.Future that an asyncio.Future follows (wrap_future(), run_in_executor()); 0: none.
  [[nodiscard]] std::uint64_t followed_by(std::uint64_t future);
  /// The asyncio task whose result a concurrent.futures.Future gets (run_coroutine_threadsafe()); 0: none.
  [[nodiscard]] std::uint64_t task_behind(std::uint64_t concurrent_future);
  /// The thread that works for a future now.
  [[nodiscard]] std::optional<std::uint32_t> thread_of(std::uint64_t future) const;
  /// The pool in whose queue the work of a future is; null: in none.
  [[nodiscard]] const ThreadPool* queue_of(std::uint64_t concurrent_future) const;
  [[nodiscard]] const ThreadPool* pool(std::uint64_t executor) const;

 private:
  /// Nothing of a queue that has more than `most`.
  [[nodiscard]] std::vector<std::uint64_t> queued_items(std::uint64_t simple_queue, std::size_t most) const;
  /// Of _chain_future()'s callback; nothing for another.
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

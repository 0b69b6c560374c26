// Objects that tasks and threads wait for: locks, semaphores, queues, executors, by class and state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "python/asyncio_reader.h"

namespace aiotrace::python {

enum class ResourceForm : std::uint8_t {
  none,  ///< no known class
  asyncio_lock,
  asyncio_semaphore,
  asyncio_condition,
  asyncio_event,
  asyncio_barrier,
  asyncio_queue,
  anyio_lock,
  anyio_limiter,
  thread_lock,       ///< _thread.lock
  thread_rlock,      ///< _thread.RLock
  thread_condition,  ///< threading.Condition and the following ones: as the classes of threading
  thread_semaphore,
  thread_event,
  thread_barrier,
  thread_queue,  ///< queue.Queue
  thread,        ///< threading.Thread
  concurrent_future,
  thread_pool,  ///< concurrent.futures.ThreadPoolExecutor
  pool,         ///< a library's pool of connections
};

/// "Lock" and the like: the name of the object's class or of its known base class.
struct ResourceType {
  ResourceForm form = ResourceForm::none;
  std::string_view known{};  ///< static storage
};

struct ResourceState {
  std::optional<bool> locked;             ///< state of a lock
  std::optional<std::uint64_t> capacity;  ///< number of units
  std::optional<std::uint64_t> out;       ///< units in use
  std::optional<std::uint64_t> size;      ///< of a queue, items in it
  std::uint64_t owner_thread = 0;         ///< of an RLock: threading's ident
  std::uint64_t waiters = 0;              ///< the collections.deque of the futures that wait; 0: none
};

/// For one look at a process.
class ResourceReader {
 public:
  /// `reader` must outlive this object. Looks up the classes in sys.modules.
  explicit ResourceReader(AsyncioReader& reader);

  /// Decided by the class; derived classes count too.
  [[nodiscard]] ResourceType type_of(std::uint64_t object);
  /// Not of a pool: read_pool() reads it.
  [[nodiscard]] ResourceState state_of(std::uint64_t object, ResourceForm form) const;
  /// An attribute of the instance; 0: it has none, or it is None.
  [[nodiscard]] std::uint64_t attribute(std::uint64_t object, std::string_view name) const;
  /// The lock of a Condition; 0: it is no Condition.
  [[nodiscard]] std::uint64_t lock_of(std::uint64_t object, ResourceForm form) const;

 private:
  [[nodiscard]] ResourceType classify(std::uint64_t type) const;
  [[nodiscard]] std::optional<std::uint64_t> number(std::uint64_t object, std::string_view name) const;
  void read_thread_lock(std::uint64_t object, ResourceState& state) const;
  void read_rlock(std::uint64_t object, ResourceState& state) const;

  AsyncioReader& reader_;
  std::unordered_map<std::uint64_t, ResourceType> classes_;  // known ones, by type
  std::unordered_map<std::uint64_t, ResourceType> types_;    // looked at
};

}  // namespace aiotrace::python

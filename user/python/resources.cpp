#include "python/resources.h"

#include <array>

#include "python/containers.h"

namespace aiotrace::python {
namespace {

using enum ResourceForm;

constexpr std::size_t kMaxTypes = 65'536;
constexpr std::size_t kMaxBases = 64;

struct Row {
  std::string_view module, name;
  ResourceForm form;
};
// Lib/asyncio/locks.py and queues.py, Lib/threading.py, Lib/queue.py, Lib/concurrent/futures of 3.8 to 3.15; anyio 3
// and 4; SQLAlchemy 1.4 and 2; asyncpg 0.2x; redis-py 4 to 6; psycopg_pool 3; aiohttp 3;
// httpcore 1.
constexpr auto kRows = std::to_array<Row>({
    {"asyncio.locks", "Lock", asyncio_lock},
    {"asyncio.locks", "Semaphore", asyncio_semaphore},
    {"asyncio.locks", "Condition", asyncio_condition},
    {"asyncio.locks", "Event", asyncio_event},
    {"asyncio.locks", "Barrier", asyncio_barrier},
    {"asyncio.queues", "Queue", asyncio_queue},
    {"anyio._core._synchronization", "Lock", anyio_lock},
    {"anyio._backends._asyncio", "Lock", anyio_lock},
    {"anyio._backends._asyncio", "CapacityLimiter", anyio_limiter},
    {"_thread", "LockType", thread_lock},
    {"_thread", "RLock", thread_rlock},
    {"threading", "Condition", thread_condition},
    {"threading", "Semaphore", thread_semaphore},
    {"threading", "Event", thread_event},
    {"threading", "Barrier", thread_barrier},
    {"threading", "Thread", thread},
    {"queue", "Queue", thread_queue},
    {"concurrent.futures._base", "Future", concurrent_future},
    {"concurrent.futures.thread", "ThreadPoolExecutor", thread_pool},
    {"sqlalchemy.pool.impl", "QueuePool", pool},
    {"sqlalchemy.util.queue", "Queue", thread_queue},
    {"asyncpg.pool", "Pool", pool},
    {"redis.asyncio.connection", "BlockingConnectionPool", pool},
    {"psycopg_pool.pool", "ConnectionPool", pool},
    {"psycopg_pool.pool_async", "AsyncConnectionPool", pool},
    {"aiohttp.connector", "BaseConnector", pool},
    {"httpcore._async.connection_pool", "AsyncConnectionPool", pool},
});

}  // namespace

ResourceReader::ResourceReader(AsyncioReader& reader) : reader_(reader) {
  const Objects& objects = reader.objects();
  const auto modules = reader.memory().pointer(reader.interpreter().main_interpreter +
                                               reader.interpreter().layout.user.interp_modules);
  if (!modules) return;
  std::string_view module;
  std::optional<std::uint64_t> names;
  for (const Row& row : kRows) {
    if (row.module != module) {
      module = row.module;
      const auto found = objects.find(*modules, module);
      names = found ? objects.module_dict(*found) : std::nullopt;
    }
    const auto type = names ? objects.find(*names, row.name) : std::nullopt;
    if (type) classes_.emplace(*type, ResourceType{.form = row.form, .known = row.name});
  }
}

ResourceType ResourceReader::classify(std::uint64_t type) const {
  if (const auto known = classes_.find(type); known != classes_.end()) return known->second;
  const auto mro = reader_.memory().pointer(type + reader_.interpreter().layout.user.type_mro);
  if (!mro || length_of(reader_.objects(), *mro).value_or(kMaxBases) >= kMaxBases) return {};
  for (const std::uint64_t base : tuple_items(reader_.objects(), *mro).value_or(std::vector<std::uint64_t>{})) {
    if (const auto known = classes_.find(base); known != classes_.end()) return known->second;
  }
  return {};
}

ResourceType ResourceReader::type_of(std::uint64_t object) {
  const auto type = object != 0 ? reader_.objects().type_of(object) : std::nullopt;
  if (!type) return {};
  if (const auto known = types_.find(*type); known != types_.end()) return known->second;
  if (types_.size() >= kMaxTypes) types_.clear();
  return types_.emplace(*type, classify(*type)).first->second;
}

std::uint64_t ResourceReader::attribute(std::uint64_t object, std::string_view name) const {
  std::uint64_t value = reader_.objects().attribute(object, name).value_or(0);
  if (value == 0) {  // anyio's classes have slots
    const auto type = object != 0 ? reader_.objects().type_of(object) : std::nullopt;
    const auto slot = type ? slot_offset(reader_.objects(), *type, name) : std::nullopt;
    if (slot) value = reader_.memory().read<std::uint64_t>(object + *slot).value_or(0);
  }
  return value != 0 && !reader_.is_none(value) ? value : 0;
}

std::optional<std::uint64_t> ResourceReader::number(std::uint64_t object, std::string_view name) const {
  const std::uint64_t value = attribute(object, name);
  if (value == 0) return std::nullopt;
  const std::string& type = reader_.type_name(value);
  if (type != "int" && type != "bool") return std::nullopt;
  return reader_.objects().unsigned_int(value);
}

std::uint64_t ResourceReader::lock_of(std::uint64_t object, ResourceForm form) const {
  return form == asyncio_condition || form == thread_condition ? attribute(object, "_lock") : 0;
}

// Modules/_threadmodule.c. To 3.13: lock_lock, in_weakreflist, char locked; of 3.13 without the GIL and from 3.14 on a
// PyMutex alone (Include/cpython/lock.h: bit 0 locked).
void ResourceReader::read_thread_lock(std::uint64_t object, ResourceState& state) const {
  const std::uint64_t head = std::uint64_t{reader_.interpreter().layout.bpf.obj_type} + 8;
  const auto type = reader_.objects().type_of(object);
  const auto size = type ? reader_.objects().basicsize(*type) : std::nullopt;
  if (!size) return;
  const auto own = static_cast<std::uint64_t>(*size) - head;
  if (own != 8 && own != 24) return;
  const auto byte = reader_.memory().read<std::uint8_t>(object + head + (own == 24 ? 16 : 0));
  if (byte) state.locked = (*byte & 1) != 0;
}

// rlock_lock, rlock_owner, rlock_count; from 3.14 on _PyRecursiveMutex {PyMutex mutex, thread, level}.
void ResourceReader::read_rlock(std::uint64_t object, ResourceState& state) const {
  const std::uint64_t head = std::uint64_t{reader_.interpreter().layout.bpf.obj_type} + 8;
  const bool mutex = reader_.interpreter().layout.bpf.version >= 0x030e0000;
  const auto owner = reader_.memory().read<std::uint64_t>(object + head + 8);
  const auto held = mutex ? reader_.memory().read<std::uint8_t>(object + head).value_or(0) & 1
                          : reader_.memory().read<std::uint64_t>(object + head + 16).value_or(0);
  state.locked = held != 0;
  if (*state.locked) state.owner_thread = owner.value_or(0);
}

ResourceState ResourceReader::state_of(std::uint64_t object, ResourceForm form) const {
  ResourceState state;
  switch (form) {
    case asyncio_lock:
      if (const auto locked = number(object, "_locked")) state.locked = *locked != 0;
      state.waiters = attribute(object, "_waiters");
      break;
    case asyncio_semaphore:
      state.waiters = attribute(object, "_waiters");
      state.capacity = number(object, "_bound_value");
      if (const auto free = number(object, "_value"); free && state.capacity && *free <= *state.capacity)
        state.out = *state.capacity - *free;
      break;
    case asyncio_queue: {
      state.capacity = number(object, "_maxsize");
      if (state.capacity == 0u) state.capacity.reset();
      const std::uint64_t items = attribute(object, "_queue");
      if (const auto size = length_of(reader_.objects(), items)) state.size = *size;
      break;
    }
    case asyncio_condition:
    case asyncio_event: state.waiters = attribute(object, "_waiters"); break;
    case anyio_lock: state.locked = attribute(object, "_owner_task") != 0; break;
    case anyio_limiter: {
      state.capacity = number(object, "_total_tokens");
      const std::uint64_t borrowers = attribute(object, "_borrowers");
      if (const auto count = set_length(reader_.objects(), borrowers)) state.out = *count;
      break;
    }
    case thread_lock: read_thread_lock(object, state); break;
    case thread_rlock: read_rlock(object, state); break;
    case thread_pool: state.capacity = number(object, "_max_workers"); break;
    default: break;
  }
  return state;
}

}  // namespace aiotrace::python

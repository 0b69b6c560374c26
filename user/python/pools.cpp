#include "python/pools.h"

#include <algorithm>
#include <array>
#include <map>
#include <ranges>
#include <string>
#include <unordered_map>
#include <utility>

#include "python/containers.h"
#include "python/frame_references.h"

namespace aiotrace::python {
namespace {

constexpr std::size_t kMaxUnits = 65'536;
// From a variable to a connection: SQLAlchemy's Session, its transaction, a dict, a tuple, Connection,
// _ConnectionFairy.
constexpr unsigned kMaxDistance = 6;

// What stands for a connection that is out, wherever it is found: its class, the way to its pool, and what it has no
// more when it was given back, by which two that stand for one connection are known.
struct Unit {
  std::string_view type, holder, pool, has;
};
constexpr auto kUnits = std::to_array<Unit>({
    {"_ConnectionFairy", "", "_pool", "_connection_record"},
    {"PoolConnectionProxy", "_holder", "_pool", "_con"},
    {"Connection", "", "_connector", "_protocol"},
    {"Connection", "", "_pool", ""},
    {"AsyncConnection", "", "_pool", ""},
    {"PoolByteStream", "", "_pool", "_pool_request"},
});

// A library's function in which a task waits for a connection, and the one that it awaits; empty: nothing but a future.
struct Wait {
  std::string_view file, function, inner;
};
constexpr auto kWaits = std::to_array<Wait>({
    {"asyncpg/pool.py", "_acquire_impl", "get"},
    {"psycopg_pool/pool_async.py", "_getconn_unchecked", "wait"},
    {"psycopg_pool/pool_async.py", "getconn", "wait"},
    {"redis/asyncio/connection.py", "get_connection", "wait_for"},
    {"aiohttp/connector.py", "_wait_for_available_connection", ""},
    {"aiohttp/connector.py", "connect", ""},
    {"httpcore/_async/connection_pool.py", "handle_async_request", "wait_for_connection"},
});

std::string_view bare(std::string_view function) { return function.substr(function.rfind('.') + 1); }

class Attributes {
 public:
  Attributes(const AsyncioReader& reader, const ResourceReader& resources) : reader_(reader), resources_(resources) {}

  [[nodiscard]] std::uint64_t at(std::uint64_t object, std::string_view name) const {
    return object != 0 ? resources_.attribute(object, name) : 0;
  }
  [[nodiscard]] std::optional<std::uint64_t> number(std::uint64_t object, std::string_view name) const {
    const std::uint64_t value = at(object, name);
    const auto type = value != 0 ? reader_.objects().type_of(value) : std::nullopt;
    if (!type || reader_.objects().type_name(*type) != "int") return std::nullopt;
    return reader_.objects().unsigned_int(value);
  }
  [[nodiscard]] std::vector<std::uint64_t> list(std::uint64_t object, std::string_view name) const {
    const std::uint64_t value = at(object, name);
    const auto items = value != 0 ? list_items(reader_.objects(), value, kMaxUnits) : std::nullopt;
    return items.value_or(std::vector<std::uint64_t>{});
  }
  [[nodiscard]] std::optional<std::vector<std::uint64_t>> set(std::uint64_t object, std::string_view name) const {
    const std::uint64_t value = at(object, name);
    return value != 0 ? set_items(reader_.objects(), value, kMaxUnits) : std::nullopt;
  }
  [[nodiscard]] std::optional<std::size_t> length(std::uint64_t object) const {
    return object != 0 ? length_of(reader_.objects(), object) : std::nullopt;
  }

 private:
  const AsyncioReader& reader_;
  const ResourceReader& resources_;
};

// A queue of connections that are at rest, and how many there are beyond its size; less than 0 as long as not all of
// the queue's have been made. The queue of an AsyncEngine's pool is made at its first use.
PoolState of_sqlalchemy(const Attributes& attributes, std::uint64_t pool) {
  PoolState state;
  const std::uint64_t queue = attributes.at(pool, "_pool");
  const auto size = attributes.number(queue, "maxsize");
  const auto more = attributes.number(pool, "_max_overflow");
  if (!size || !more) return state;
  state.capacity = *size + *more;
  const std::uint64_t asyncio = attributes.at(queue, "_queue");
  const auto idle = attributes.length(asyncio != 0 ? attributes.at(asyncio, "_queue") : attributes.at(queue, "queue"));
  const auto beyond = attributes.number(pool, "_overflow");
  if (beyond && idle && *idle <= *size) state.out = *size - *idle + *beyond;
  state.waiters = attributes.at(asyncio, "_getters");
  return state;
}

PoolState of_asyncpg(const Attributes& attributes, std::uint64_t pool) {
  PoolState state{.capacity = attributes.number(pool, "_maxsize")};
  const auto holders = attributes.list(pool, "_holders");
  if (holders.empty()) return state;
  for (const std::uint64_t holder : holders) {
    if (attributes.at(holder, "_in_use") == 0) continue;
    state.units.push_back(attributes.at(holder, "_con"));
  }
  state.out = state.units.size();
  state.waiters = attributes.at(attributes.at(pool, "_queue"), "_getters");
  return state;
}

PoolState of_redis(const Attributes& attributes, std::uint64_t pool) {
  PoolState state{.capacity = attributes.number(pool, "max_connections")};
  if (auto out = attributes.set(pool, "_in_use_connections")) {
    state.out = out->size();
    state.units = *std::move(out);
  }
  state.waiters = attributes.at(attributes.at(pool, "_condition"), "_waiters");
  return state;
}

PoolState of_psycopg(const Attributes& attributes, std::uint64_t pool) {
  PoolState state{.capacity = attributes.number(pool, "_max_size")};
  const auto made = attributes.number(pool, "_nconns");
  const auto idle = attributes.length(attributes.at(pool, "_pool"));
  if (made && idle && *idle <= *made) state.out = *made - *idle;
  state.waiters = attributes.at(pool, "_waiting");
  return state;
}

PoolState of_aiohttp(const Attributes& attributes, std::uint64_t connector) {
  PoolState state{.capacity = attributes.number(connector, "_limit")};
  if (state.capacity == 0u) state.capacity.reset();  // no limit
  if (auto out = attributes.set(connector, "_acquired")) {
    state.out = out->size();
    state.units = *std::move(out);
  }
  return state;
}

PoolState of_httpcore(const Attributes& attributes, std::uint64_t pool) {
  PoolState state{.capacity = attributes.number(pool, "_max_connections")};
  std::unordered_set<std::uint64_t> connections;
  for (const std::uint64_t request : attributes.list(pool, "_requests")) {
    const std::uint64_t connection = attributes.at(request, "connection");
    if (connection == 0) continue;
    connections.insert(connection);
    state.units.push_back(request);
  }
  state.out = connections.size();
  return state;
}

class PoolHolders {
 public:
  PoolHolders(AsyncioReader& reader, ResourceReader& resources, HangLook& look,
              const std::unordered_set<std::uint64_t>& loops)
      : attributes_(reader, resources), reader_(reader), look_(look), loops_(loops) {
    for (std::uint32_t i = 0; i < look.resources.size(); ++i) {
      const LookResource& resource = look.resources[i];
      if (resource.what != LookResource::What::object || resource.type.form != ResourceForm::pool) continue;
      pools_.emplace(resource.object, i);
      for (const std::uint64_t unit : read_pool(reader, resources, resource.object, resource.type.known).units)
        listed_.emplace(unit, i);
    }
  }

  void run() {
    if (pools_.empty()) return;
    std::unordered_set<std::uint64_t> closed = loops_;
    for (const auto& [pool, number] : pools_) closed.insert(pool);
    FrameReferences references(reader_, [this](std::uint64_t object) { return unit_of(object).first != 0; }, closed);
    for (std::uint32_t i = 0; i < look_.parties.size(); ++i) {
      for (const LookFrame& frame : look_.parties[i].frames) {
        for (const auto& found : references.of_frame(frame, look_.parties[i].task, kMaxDistance))
          add(i, found.object, found.distance);
      }
    }
    for (const auto& [pool, number] : pools_) finish(look_.resources[number], number, references.cut());
  }

 private:
  struct Nearest {
    unsigned distance = 0;
    std::vector<std::uint32_t> parties{};
  };

  // What a connection is known by, and the pool that it is of; 0: it is none.
  [[nodiscard]] std::pair<std::uint64_t, std::uint32_t> unit_of(std::uint64_t object) {
    if (const auto listed = listed_.find(object); listed != listed_.end()) return *listed;
    const std::string& type = reader_.type_name(object);
    for (const Unit& unit : kUnits) {
      if (unit.type != type) continue;
      const std::uint64_t from = unit.holder.empty() ? object : attributes_.at(object, unit.holder);
      const auto pool = pools_.find(attributes_.at(from, unit.pool));
      if (pool == pools_.end()) continue;
      const std::uint64_t known_by = unit.has.empty() ? object : attributes_.at(object, unit.has);
      if (known_by != 0) return {known_by, pool->second};
    }
    return {};
  }

  void add(std::uint32_t party, std::uint64_t object, unsigned distance) {
    const auto [unit, number] = unit_of(object);
    if (unit == 0) return;
    const auto [known, fresh] = found_[number].try_emplace(unit, Nearest{.distance = distance});
    Nearest& nearest = known->second;
    if (distance > nearest.distance) return;
    if (distance < nearest.distance) nearest = {.distance = distance};
    if (nearest.parties.empty() || nearest.parties.back() != party) nearest.parties.push_back(party);
  }

  void finish(LookResource& resource, std::uint32_t number, bool cut) {
    resource.holds.clear();
    std::unordered_set<std::uint32_t> parties;
    const auto& units = found_[number];
    for (const auto& [unit, nearest] : units) parties.insert(nearest.parties.begin(), nearest.parties.end());
    std::vector<std::uint32_t> ordered(parties.begin(), parties.end());
    std::ranges::sort(ordered);
    for (const std::uint32_t party : ordered) resource.holds.push_back({.party = party, .how = LookHold::How::refers});
    const auto& [capacity, out] = std::pair(resource.state.capacity, resource.state.out);
    resource.inferred = true;
    resource.closed = !cut && capacity && out && *out >= *capacity && units.size() == *out && !ordered.empty();
  }

  Attributes attributes_;
  AsyncioReader& reader_;
  HangLook& look_;
  const std::unordered_set<std::uint64_t>& loops_;
  std::unordered_map<std::uint64_t, std::uint32_t> pools_;   // resource, by pool
  std::unordered_map<std::uint64_t, std::uint32_t> listed_;  // resource, by unit
  std::unordered_map<std::uint32_t, std::map<std::uint64_t, Nearest>> found_;
};

// Of a queue that SQLAlchemy's pool waits in, inside of its greenlet.
std::uint64_t sqlalchemy_pool(AsyncioReader& reader, ResourceReader& resources, const Coroutine& spawn,
                              std::uint64_t queue) {
  const auto is_it = [&](std::uint64_t object) {
    if (resources.type_of(object).form != ResourceForm::pool) return false;
    return resources.attribute(resources.attribute(object, "_pool"), "_queue") == queue;
  };
  FrameReferences references(reader, is_it, {});
  const auto found = references.of_frame({.code = spawn.code, .lasti = spawn.lasti, .object = spawn.object}, true, 5);
  return found.empty() ? 0 : found.front().object;
}

}  // namespace

PoolState read_pool(const AsyncioReader& reader, const ResourceReader& resources, std::uint64_t pool,
                    std::string_view known) {
  const Attributes attributes(reader, resources);
  if (known == "QueuePool") return of_sqlalchemy(attributes, pool);
  if (known == "Pool") return of_asyncpg(attributes, pool);
  if (known == "BlockingConnectionPool") return of_redis(attributes, pool);
  if (known == "BaseConnector") return of_aiohttp(attributes, pool);
  // httpcore's and psycopg_pool's class have one name.
  return attributes.at(pool, "_max_connections") != 0 ? of_httpcore(attributes, pool) : of_psycopg(attributes, pool);
}

std::uint64_t pool_waited_for(AsyncioReader& reader, ResourceReader& resources, const AwaitChain& chain) {
  constexpr std::size_t kMaxLinks = 16;
  std::string inner;
  std::uint64_t queue = 0;
  bool unread = false;  // it waits for a pool that is not known yet
  for (const Coroutine& link : chain.links | std::views::reverse | std::views::take(kMaxLinks)) {
    const auto code = reader.codes().find(link.code);
    if (!code) return 0;
    const std::string_view function = bare(code->function);
    for (const Wait& wait : kWaits) {
      if (wait.function != function || wait.inner != inner || !code->file.ends_with(wait.file)) continue;
      const std::uint64_t self = reader.variable(link, "self");
      if (resources.type_of(self).form == ResourceForm::pool) return self;
      unread = true;
    }
    if (queue != 0 && function == "greenlet_spawn") return sqlalchemy_pool(reader, resources, link, queue);
    const std::uint64_t self = function == "get" ? reader.variable(link, "self") : 0;
    if (resources.type_of(self).form == ResourceForm::asyncio_queue) queue = self;
    // Before 3.11 a variable that an inner function shares is not read: PoolAcquireContext has the pool, too.
    if (unread) {
      const std::uint64_t pool = resources.attribute(reader.variable(link, "self"), "pool");
      if (resources.type_of(pool).form == ResourceForm::pool) return pool;
    }
    inner = function;
  }
  return 0;
}

void find_pool_holders(AsyncioReader& reader, ResourceReader& resources, HangLook& look,
                       const std::unordered_set<std::uint64_t>& loops) {
  PoolHolders(reader, resources, look, loops).run();
}

}  // namespace aiotrace::python

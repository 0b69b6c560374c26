// Pools of connections of known libraries: how many there are, which are out, who has them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "python/await_chain.h"
#include "python/hang_look.h"
#include "python/resources.h"

namespace aiotrace::python {

struct PoolState {
  std::optional<std::uint64_t> capacity{};  ///< connections that there can be
  std::optional<std::uint64_t> out{};       ///< of these, taken, or being made for somebody
  std::vector<std::uint64_t> units{};       ///< those that are out, where the pool has a list of them
  std::uint64_t waiters = 0;                ///< the collections.deque of those that wait; 0: none
};

/// By the attributes of SQLAlchemy 1.4 to 2.1, asyncpg 0.2x to 0.32, psycopg_pool 3, redis-py 5.1 to 8, aiohttp 3.8 to
/// 3.14, httpcore 1. `known` is the name of the library's class.
[[nodiscard]] PoolState read_pool(const AsyncioReader& reader, const ResourceReader& resources, std::uint64_t pool,
                                  std::string_view known);

/// The pool that a task waits for a connection of, by the library's functions at the chain's end; 0: it does not.
[[nodiscard]] std::uint64_t pool_waited_for(AsyncioReader& reader, ResourceReader& resources, const AwaitChain& chain);

/// Sets `holds` of the pools that are waited for: parties whose frames lead to a connection that is out, those nearest
/// to it. `closed` if each of them was found, `inferred` always: others may give it back. `loops`: from which nothing
/// is followed.
void find_pool_holders(AsyncioReader& reader, ResourceReader& resources, HangLook& look,
                       const std::unordered_set<std::uint64_t>& loops);

}  // namespace aiotrace::python

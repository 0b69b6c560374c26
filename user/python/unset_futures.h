// Futures and events that nobody can set.
#pragma once

#include <cstdint>
#include <unordered_set>
#include <utility>
#include <vector>

#include "python/asyncio_reader.h"

namespace aiotrace::python {

/// A task, and the future, event or condition that it waits for.
struct UnsetWait {
  std::uint64_t task = 0;
  std::uint64_t object = 0;
};

/// Those objects to which nothing refers but the tasks that wait, and what only they have: proved by the counts of
/// references. Tasks are looked at in groups, so one that several groups share may be missing, as all of a group that
/// leads to too much. `loops`: from which nothing is followed.
[[nodiscard]] std::unordered_set<std::uint64_t> never_set(AsyncioReader& reader, const std::vector<UnsetWait>& waits,
                                                          const std::unordered_set<std::uint64_t>& loops);

}  // namespace aiotrace::python

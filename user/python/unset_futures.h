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

/// The objects that are referred to only by the waiting tasks, and by objects that only these tasks have. This is
/// proved by the reference counts. Tasks are checked in groups, so objects that several groups share may be missing, as
/// well as all objects of a group that leads to too many objects. `loops`: not followed.
[[nodiscard]] std::unordered_set<std::uint64_t> never_set(AsyncioReader& reader, const std::vector<UnsetWait>& waits,
                                                          const std::unordered_set<std::uint64_t>& loops);

}  // namespace aiotrace::python

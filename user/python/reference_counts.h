// Whether others than some tasks refer to objects, by the counts of references.
#pragma once

#include <cstdint>
#include <unordered_set>
#include <vector>

#include "python/referents.h"

namespace aiotrace::python {

/// Those of `objects` that `tasks`, and what only they have, account for every reference to: nothing else leads to
/// them. What the collector does to find cycles, on the part of the heap that the tasks lead to. None where that is
/// more than 20,000 objects. `others`: loops, from which nothing is followed.
[[nodiscard]] std::unordered_set<std::uint64_t> referred_to_only_by(ReferentReader& referents,
                                                                    const std::vector<std::uint64_t>& tasks,
                                                                    const std::unordered_set<std::uint64_t>& objects,
                                                                    const std::unordered_set<std::uint64_t>& others);

}  // namespace aiotrace::python

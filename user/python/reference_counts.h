// Whether anything except some tasks refers to objects, by the reference counts.
#pragma once

#include <cstdint>
#include <unordered_set>
#include <vector>

#include "python/referents.h"

namespace aiotrace::python {

/// The members of `objects` whose references all come from `tasks`, or from objects that only the tasks have: nothing
/// else leads to them. This does what the garbage collector does to find cycles, for the part of the heap that can be
/// reached from the tasks. None if that part has more than 20,000 objects. `others`: loops, which are not followed.
[[nodiscard]] std::unordered_set<std::uint64_t> referred_to_only_by(ReferentReader& referents,
                                                                    const std::vector<std::uint64_t>& tasks,
                                                                    const std::unordered_set<std::uint64_t>& objects,
                                                                    const std::unordered_set<std::uint64_t>& others);

}  // namespace aiotrace::python

// Whether somebody can end the wait of tasks.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <unordered_map>

#include "python/census.h"
#include "python/suspects.h"
#include "python/threads.h"

namespace aiotrace::python {

enum class Waker : std::uint8_t {
  nobody,    ///< nobody: only the waiting tasks lead to it, or it is a future that no connection and no thread leads to
  somebody,  ///< somebody: a connection, a thread or another task has it
  unknown,   ///< unknown: references to it were found that nothing explains, or the process has too many objects
};

/// Objects beyond this number are not followed.
inline constexpr std::size_t kMaxFollowed = 500'000;

/// For each suspect that is stuck, not idle, and waits for an event, condition, barrier or future: by its address. The
/// walk starts at live objects: at the objects that a loop calls when a descriptor is ready or a timer is due, at the
/// tasks that are not suspects, the running frames, and the modules. A task with a waker counts as live too.
///
/// An event has a waker if any live object leads to it. A future has a waker if a callback of a loop, a task that reads
/// a connection, or a thread without a loop leads to it through at most four instances; another object's list of
/// futures is no proof that their results will be set. If nothing leads to an object, its reference count is checked:
/// if the waiting tasks have all its references, nobody else can wake them.
[[nodiscard]] std::unordered_map<std::uint64_t, Waker> find_wakers(AsyncioReader& reader, const Census& census,
                                                                   const Suspects& suspects,
                                                                   const std::map<pid_t, PythonThread>& threads);

}  // namespace aiotrace::python

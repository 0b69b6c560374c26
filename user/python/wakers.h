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

/// For each suspect that is stuck, not idle, and waits for an event, condition, barrier, lock, semaphore or future: by
/// its address. The walk starts at live objects: at the objects that a loop calls when a descriptor is ready or a timer
/// is due, at the tasks that are not suspects, the running frames, and the modules. A task with a waker counts as live
/// too.
///
/// An event has a waker where any of them leads to it. A future where a callback of a loop, a task that reads a
/// connection, or a thread without a loop leads to it through at most four instances; somebody else's list of futures
/// is no proof that their results will be set, unless it is the list of waiters of an object (a library's queue or
/// lock) that any of them leads to. asyncio's locks and semaphores: where a task that goes on is inside of a block of
/// it; unknown where such a task only has it in a variable. What nothing leads to is compared with the count of its
/// references: if the waiting tasks have them all, nobody else can.
[[nodiscard]] std::unordered_map<std::uint64_t, Waker> find_wakers(AsyncioReader& reader, const Census& census,
                                                                   const Suspects& suspects,
                                                                   const std::map<pid_t, PythonThread>& threads);

}  // namespace aiotrace::python

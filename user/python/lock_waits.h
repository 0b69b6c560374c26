// Which lock a thread waits for that is in no library function of Python's: `with lock:`, `lock.acquire()`.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "proc/thread_syscall.h"
#include "python/frames.h"
#include "python/resources.h"

namespace aiotrace::python {

struct LockWait {
  std::uint64_t object = 0;
  ResourceType type{};
  bool timed = false;
};

/// `innermost` is the thread's frame, `call` the system call that it sleeps in. Looks for locks in the frame's stack,
/// where __enter__ or acquire() was called on one. Up to 3.12 the system call names the lock: each has a semaphore of
/// its own. A PyMutex has none: then the only one there that is locked and has somebody parked at it. `entered`:
/// managers of the frame's blocks. Nothing if it waits for something else, or it cannot be known which.
[[nodiscard]] std::optional<LockWait> lock_wait(AsyncioReader& reader, ResourceReader& resources,
                                                const PythonFrame& innermost, const proc::ThreadSyscall& call,
                                                const std::vector<std::uint64_t>& entered);

}  // namespace aiotrace::python

// The lock that a thread waits for outside of Python library functions: `with lock:`, `lock.acquire()`.
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

/// `innermost` is the thread's frame, `call` the system call that it sleeps in. Searches the frame's stack for locks on
/// which __enter__ or acquire() was called. Up to 3.12 the system call identifies the lock, because each lock has its
/// own semaphore. A PyMutex has no semaphore: then it is the only lock on the stack that is locked and has a parked
/// thread. `entered`: managers of the frame's blocks. Nothing if the thread waits for something else, or the lock is
/// ambiguous.
[[nodiscard]] std::optional<LockWait> lock_wait(AsyncioReader& reader, ResourceReader& resources,
                                                const PythonFrame& innermost, const proc::ThreadSyscall& call,
                                                const std::vector<std::uint64_t>& entered);

}  // namespace aiotrace::python

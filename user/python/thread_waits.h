// What a thread waits for, according to the library functions on its stack.
#pragma once

#include <cstdint>
#include <vector>

#include "python/frames.h"
#include "python/resources.h"

namespace aiotrace::python {

struct ThreadWait {
  enum class Kind : std::uint8_t {
    none,    ///< it runs, or waits for something unknown
    idle,    ///< in its loop's poll, or a thread of a pool without work
    sleep,   ///< time.sleep()
    object,  ///< for `object`
  };
  Kind kind = Kind::none;
  std::uint64_t object = 0;  ///< the outermost object of the library's functions: the queue, not its lock
  ResourceType type{};
  std::uint64_t condition = 0;  ///< the threading.Condition that it waits in, whose lock is released then; 0: none
  bool timed = false;           ///< the wait has a timeout
};

/// `stack`: innermost first, of a thread that does not run. For a running thread the answer may be out of date.
[[nodiscard]] ThreadWait thread_wait(AsyncioReader& reader, ResourceReader& resources,
                                     const std::vector<PythonFrame>& stack);

/// Converts a frame for the readers of coroutines.
[[nodiscard]] Coroutine as_coroutine(const PythonFrame& frame);

}  // namespace aiotrace::python

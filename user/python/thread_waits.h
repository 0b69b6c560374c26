// What a thread waits for, by the library functions on its stack.
#pragma once

#include <cstdint>
#include <vector>

#include "python/frames.h"
#include "python/resources.h"

namespace aiotrace::python {

struct ThreadWait {
  enum class Kind : std::uint8_t {
    none,    ///< it runs, or waits for something that is not known
    idle,    ///< in its loop's poll, or a pool's thread without work
    sleep,   ///< time.sleep()
    object,  ///< for `object`
  };
  Kind kind = Kind::none;
  std::uint64_t object = 0;  ///< the outermost one that the library's functions are called on: the queue, not its lock
  ResourceType type{};
  std::uint64_t condition = 0;  ///< the threading.Condition that it waits in: its lock is released meanwhile; 0: none
  bool timed = false;           ///< the wait has a timeout
};

/// `stack` innermost first, of a thread that does not run. Of one that does the answer is about what it did.
[[nodiscard]] ThreadWait thread_wait(AsyncioReader& reader, ResourceReader& resources,
                                     const std::vector<PythonFrame>& stack);

/// A frame as the readers of coroutines take it.
[[nodiscard]] Coroutine as_coroutine(const PythonFrame& frame);

}  // namespace aiotrace::python

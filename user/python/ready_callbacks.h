// The callbacks that a loop is about to call.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "python/asyncio_reader.h"

namespace aiotrace::python {

struct ReadyCallback {
  std::uint64_t handle = 0;  ///< address; a descriptor keeps its handle
  std::uint64_t task = 0;    ///< the task whose step it is, because it asked for its next turn; 0: not a task's step
  std::uint64_t code = 0;    ///< code of the Python function that is called; 0: none, or unknown
  std::uint64_t self = 0;    ///< the object of the method that is called; 0: none
  bool wakes_task = false;   ///< it resumes a task whose future is done
};

/// The readable ones among the first 16 in the loop's queue now. The program runs during the read, so reads often find
/// nothing, or a handle that is being freed.
[[nodiscard]] std::vector<ReadyCallback> ready_callbacks(AsyncioReader& reader, std::uint64_t loop);

/// Maps a handle to the descriptor whose readiness makes asyncio's loop call it, at most 16,384.
[[nodiscard]] std::unordered_map<std::uint64_t, int> descriptor_handles(AsyncioReader& reader, std::uint64_t loop);

}  // namespace aiotrace::python

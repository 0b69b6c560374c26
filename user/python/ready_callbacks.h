// What a loop is about to call.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "python/asyncio_reader.h"

namespace aiotrace::python {

struct ReadyCallback {
  std::uint64_t handle = 0;  ///< address; a descriptor's handle is the same each time
  std::uint64_t task = 0;    ///< whose step it is: it has asked for its next turn; 0: no task's
  std::uint64_t code = 0;    ///< of the Python function that is called; 0: none, or not known
  std::uint64_t self = 0;    ///< the object whose method that is; 0: none
  bool wakes_task = false;   ///< it goes on with a task whose future is done
};

/// Those in the loop's queue now, of the first 16, that can be read. The program runs on: many looks find nothing, or a
/// handle that is being freed.
[[nodiscard]] std::vector<ReadyCallback> ready_callbacks(AsyncioReader& reader, std::uint64_t loop);

/// By handle, the descriptor whose readiness makes asyncio's loop call it, at most 16,384.
[[nodiscard]] std::unordered_map<std::uint64_t, int> descriptor_handles(AsyncioReader& reader, std::uint64_t loop);

}  // namespace aiotrace::python

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
};

/// Those in the loop's queue now, at most 16; wake-ups of tasks and what cannot be read have neither task nor code. The
/// program runs on: most looks at a queue find it empty.
[[nodiscard]] std::vector<ReadyCallback> ready_callbacks(AsyncioReader& reader, std::uint64_t loop);

/// By handle, the descriptor whose readiness makes asyncio's loop call it, at most 16,384.
[[nodiscard]] std::unordered_map<std::uint64_t, int> descriptor_handles(AsyncioReader& reader, std::uint64_t loop);

}  // namespace aiotrace::python

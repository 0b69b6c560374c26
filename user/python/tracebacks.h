// Where an exception was raised.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "python/asyncio_reader.h"

namespace aiotrace::python {

struct TracebackEntry {
  std::uint64_t code = 0;  ///< address of the code object
  std::uint32_t line = 0;  ///< 0: not known
};

inline constexpr std::size_t kMaxTraceback = 64;

/// The frames that an exception has passed, the outermost first as in `__traceback__`; of a longer one the innermost
/// kMaxTraceback. Empty: it has none, or it cannot be read.
[[nodiscard]] std::vector<TracebackEntry> read_traceback(AsyncioReader& reader, std::uint64_t exception);

}  // namespace aiotrace::python

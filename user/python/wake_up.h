// The task that resumes when a future is done.
#pragma once

#include <cstdint>
#include <optional>

#include "python/asyncio_reader.h"

namespace aiotrace::python {

/// The task at the head of the future's callbacks, if it still waits for the future. A scan of a whole heap can miss a
/// task that is created during the scan, but a suspended coroutine leads to it.
[[nodiscard]] std::optional<FutureFields> woken_by(AsyncioReader& reader, std::uint64_t future);

}  // namespace aiotrace::python

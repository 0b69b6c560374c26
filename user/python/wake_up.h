// Who goes on when a future is done.
#pragma once

#include <cstdint>
#include <optional>

#include "python/asyncio_reader.h"

namespace aiotrace::python {

/// The task that asyncio has put at the head of the future's callbacks to be woken, if it still waits for the future. A
/// look at a whole heap can miss a task that is made while it goes on; a suspended coroutine leads to it all the same.
[[nodiscard]] std::optional<FutureFields> woken_by(AsyncioReader& reader, std::uint64_t future);

}  // namespace aiotrace::python

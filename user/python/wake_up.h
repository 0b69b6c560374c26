// Who goes on when a future is done.
#pragma once

#include <cstdint>
#include <optional>

#include "python/census.h"

namespace aiotrace::python {

/// The task that the C code of asyncio has put at the head of the future's callbacks to be woken, if it still waits for
/// it. A look at a whole heap can miss a task that is made while it goes on; a suspended coroutine leads to it all the
/// same.
[[nodiscard]] std::optional<Future> woken_by(const ObjectReader& reader, std::uint64_t future);

}  // namespace aiotrace::python

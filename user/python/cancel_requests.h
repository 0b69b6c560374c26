// Tasks that were cancelled and go on.
#pragma once

#include <cstdint>
#include <vector>

#include "python/asyncio_reader.h"
#include "python/await_chain.h"
#include "python/frames.h"

namespace aiotrace::python {

/// cancel() was asked of a pending task and nobody has taken that back (Task.uncancel()), the task's next step has it
/// behind itself, and none of its coroutines handles an exception: it goes on as if nothing had been. Since 3.11; never
/// before, where nothing is written down.
[[nodiscard]] bool went_on_after_cancel(const AsyncioReader& reader, const FutureFields& task, const AwaitChain& chain);

/// None of the coroutines handles an exception: what was raised in it is over.
[[nodiscard]] bool handles_nothing(const AsyncioReader& reader, const AwaitChain& chain);

/// Tasks that a thread has cancelled and waits for, as asyncio.run() does at its end: what _cancel_all_tasks() of
/// asyncio/runners.py or aiohttp's _cancel_tasks() on its stack has in `to_cancel`. At most 65,536.
[[nodiscard]] std::vector<std::uint64_t> tasks_to_cancel(AsyncioReader& reader, const std::vector<PythonFrame>& stack);

}  // namespace aiotrace::python

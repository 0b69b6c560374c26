// What the callbacks that an event loop is to run hold.
#pragma once

#include <cstdint>
#include <unordered_set>

#include "python/objects.h"

namespace aiotrace::python {

/// A loop's callbacks beyond this many are not looked at.
inline constexpr std::size_t kMaxCallbacks = 20'000;

/// Objects that the arguments and closures of a loop's callbacks refer to, those that are ready and those of timers:
/// run_coroutine_threadsafe() hands its coroutine over in a closure, and a program's own `call_soon(lambda: …)` does.
/// asyncio.base_events.BaseEventLoop only; nothing for another loop.
void add_scheduled_objects(const Objects& objects, std::uint64_t loop, std::unordered_set<std::uint64_t>& into);

}  // namespace aiotrace::python

// Event loops of a process, as far as their objects tell.
#pragma once

#include <cstdint>
#include <optional>

#include "python/objects.h"

namespace aiotrace::python {

enum class EventLoopKind { asyncio, uvloop, other };

struct LoopFields {
  std::uint64_t object = 0;
  EventLoopKind kind = EventLoopKind::other;
  std::optional<std::size_t> ready;      ///< callbacks that are to run in its next iteration
  std::optional<std::size_t> scheduled;  ///< timers, cancelled ones that it has not dropped yet among them (asyncio)
};

/// asyncio.base_events.BaseEventLoop by its attributes; uvloop.Loop by the fields of its C structure, whose order is
/// that of uvloop/loop.pxd.
[[nodiscard]] LoopFields read_loop(const Objects& objects, std::uint64_t loop);

/// When a timer is due, on CLOCK_MONOTONIC; nothing for what is no timer of either loop. Resolution: the clock's
/// (asyncio), 1 ms (uvloop).
[[nodiscard]] std::optional<std::uint64_t> timer_due_ns(const Objects& objects, std::uint64_t timer_handle);

}  // namespace aiotrace::python

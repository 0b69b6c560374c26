// Event loops of a process, read from their objects.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "python/objects.h"

namespace aiotrace::python {

enum class EventLoopKind { asyncio, uvloop, other };

struct LoopFields {
  std::uint64_t object = 0;
  EventLoopKind kind = EventLoopKind::other;
  std::optional<std::size_t> ready;      ///< callbacks that will run in its next iteration
  std::uint64_t ready_deque = 0;         ///< the collections.deque of these; 0: not found
  std::optional<std::size_t> scheduled;  ///< timers, including cancelled ones not dropped yet (asyncio)
};

/// asyncio.base_events.BaseEventLoop by its attributes; uvloop.Loop by the fields of its C structure, whose order is
/// that of uvloop/loop.pxd.
[[nodiscard]] LoopFields read_loop(const Objects& objects, std::uint64_t loop);

/// The objects of the callbacks in a loop's queue: their arguments and the contents of their closures. At most 100,000,
/// for one callback 1,024. `asyncio.run_coroutine_threadsafe()` and `call_soon_threadsafe(loop.create_task, …)` put
/// coroutines there.
[[nodiscard]] std::vector<std::uint64_t> handed_over(const Objects& objects, const LoopFields& loop);

/// Due times of timers. Caches the field offsets of classes, for one look at a process.
class TimerReader {
 public:
  /// `objects` must outlive this object.
  explicit TimerReader(const Objects& objects) : objects_(objects) {}

  /// On CLOCK_MONOTONIC; nothing if it is no timer of asyncio or uvloop. Resolution: the clock's (asyncio), 1 ms
  /// (uvloop).
  [[nodiscard]] std::optional<std::uint64_t> due_ns(std::uint64_t timer_handle);

 private:
  enum class Kind { other, asyncio, uvloop };
  struct Class {
    Kind kind = Kind::other;
    std::uint32_t when = 0;  // offset of asyncio's _when
    std::int64_t size = 0;
  };
  [[nodiscard]] Class classify(std::uint64_t type) const;

  const Objects& objects_;
  std::unordered_map<std::uint64_t, Class> classes_;  // by type
};

}  // namespace aiotrace::python

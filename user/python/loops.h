// Event loops of a process, as far as their objects show them.
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
  std::optional<std::size_t> ready;      ///< callbacks that are to run in its next iteration
  std::uint64_t ready_deque = 0;         ///< the collections.deque of these; 0: not found
  std::optional<std::size_t> scheduled;  ///< timers, cancelled ones that it has not dropped yet among them (asyncio)
};

/// asyncio.base_events.BaseEventLoop by its attributes; uvloop.Loop by the fields of its C structure, whose order is
/// that of uvloop/loop.pxd.
[[nodiscard]] LoopFields read_loop(const Objects& objects, std::uint64_t loop);

/// Objects that the callbacks in a loop's queue have: what their arguments are, and what is in their closures. At most
/// 100,000, of one callback 1,024. `asyncio.run_coroutine_threadsafe()` and `call_soon_threadsafe(loop.create_task, …)`
/// put coroutines there.
[[nodiscard]] std::vector<std::uint64_t> handed_over(const Objects& objects, const LoopFields& loop);

/// When timers are due. Keeps where a class has its fields, for one look at a process.
class TimerReader {
 public:
  /// `objects` must outlive this object.
  explicit TimerReader(const Objects& objects) : objects_(objects) {}

  /// On CLOCK_MONOTONIC; nothing for what is no timer of asyncio or uvloop. Resolution: the clock's (asyncio), 1 ms
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

// What a suspended task waits for, by the last links of its await chain.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "python/asyncio_reader.h"
#include "python/await_chain.h"
#include "python/loops.h"
#include "python/wait_kind.h"

namespace aiotrace::python {

struct WaitsFor {
  WaitKind kind = WaitKind::unknown;
  std::string_view call;                    ///< "Queue.get"; empty: not by a call known by name. Static storage
  std::uint64_t object = 0;                 ///< the future or other object at the chain's end
  std::vector<std::uint64_t> tasks;         ///< tasks that it waits for, at most kMaxWaitedFor
  bool more_tasks = false;                  ///< there are more
  std::optional<std::int64_t> left_ns;      ///< of a sleep: until it is due; negative: overdue
  std::optional<std::uint64_t> waiting_ns;  ///< of a sleep: since when
  std::optional<std::uint64_t> queue_size;  ///< of a queue: items in it
  std::optional<std::int32_t> fd;           ///< of a socket
  std::optional<std::int32_t> child_pid;    ///< of a process
};

/// One gather() or wait() names at most this many tasks.
inline constexpr std::size_t kMaxWaitedFor = 100'000;
/// And all together this many: tasks may all wait for one that is large.
inline constexpr std::size_t kMaxWaitedForByAll = 4'000'000;

/// Distinguishes waits by the functions that are known, and by the class of what is awaited.
class WaitReader {
 public:
  /// `reader` must outlive this object.
  explicit WaitReader(AsyncioReader& reader) : reader_(reader), timers_(reader.objects()) {}

  /// Of a task that is neither running nor finished. `now_ns`: CLOCK_MONOTONIC, when it was read.
  [[nodiscard]] WaitsFor read(const FutureFields& task, const AwaitChain& chain, std::uint64_t now_ns);

  /// The object at the bottom of the wait of such a task, and what it is: the asyncio.Event, the Lock, …; a future
  /// where nothing more is known.
  struct AwaitedObject {
    WaitKind kind = WaitKind::future;
    std::uint64_t object = 0;
  };
  [[nodiscard]] AwaitedObject awaited_object(const FutureFields& task, const AwaitChain& chain);

  /// Who ends the wait of such a task. Does not know whether a task is inside of an asyncio.timeout().
  [[nodiscard]] WaitEnd end_of(const FutureFields& task, const AwaitChain& chain);

 private:
  [[nodiscard]] const KnownFunction* wait_in(const Coroutine& link);
  [[nodiscard]] const KnownFunction* innermost_wait(const AwaitChain& chain, const Coroutine*& link);
  [[nodiscard]] const KnownFunction* done_callback_of(const FutureFields& future);
  [[nodiscard]] WaitEnd end_in(const Coroutine& link);
  [[nodiscard]] WaitEnd end_by_future(std::uint64_t waited);
  [[nodiscard]] bool is_gathering(std::uint64_t future);
  [[nodiscard]] bool ends_with_program(const FutureFields& task);
  void by_target(WaitsFor& found, std::uint64_t target, std::uint64_t waiting, unsigned depth);
  void by_callback(WaitsFor& found, const FutureFields& future, std::uint64_t waiting);
  void add_gathered(WaitsFor& found, std::uint64_t gathering, std::uint64_t waiting, unsigned depth);
  void add_waited(WaitsFor& found, const AwaitChain& chain);
  void details(WaitsFor& found, const Coroutine& link, std::uint64_t now_ns);
  void set_sleep(WaitsFor& found, const Coroutine& link, std::uint64_t now_ns);
  void add_tasks(WaitsFor& found, const std::vector<std::uint64_t>& futures);
  [[nodiscard]] std::optional<std::int32_t> transport_fd(std::uint64_t owner) const;

  AsyncioReader& reader_;
  TimerReader timers_;
  std::size_t looked_ = 0;  // futures, of one task: a list that holds itself has no end
  std::size_t named_ = 0;   // of all tasks
};

}  // namespace aiotrace::python

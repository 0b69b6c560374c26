// What a suspended task waits for, according to the last links of its await chain.
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
  std::string_view call;                    ///< "Queue.get"; empty: the call has no known name. Static storage
  std::uint64_t object = 0;                 ///< the future or other object at the end of the chain
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
/// The limit for all tasks together, because many tasks may wait for a large one.
inline constexpr std::size_t kMaxWaitedForByAll = 4'000'000;

/// Determines the kind of a wait by known functions, and by the class of the awaited object.
class WaitReader {
 public:
  /// `reader` must outlive this object.
  explicit WaitReader(AsyncioReader& reader) : reader_(reader), timers_(reader.objects()) {}

  /// For a task that is neither running nor finished. `now_ns`: CLOCK_MONOTONIC, when it was read.
  [[nodiscard]] WaitsFor read(const FutureFields& task, const AwaitChain& chain, std::uint64_t now_ns);

  /// The object that such a task finally waits for, and its kind: the asyncio.Event, the Lock, …; a future if nothing
  /// more is known.
  struct AwaitedObject {
    WaitKind kind = WaitKind::future;
    std::uint64_t object = 0;
  };
  [[nodiscard]] AwaitedObject awaited_object(const FutureFields& task, const AwaitChain& chain);

  /// Who can end the wait of such a task. Does not consider whether the task is inside an asyncio.timeout().
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
  std::size_t looked_ = 0;  // limit of futures for one task: a list that contains itself has no end
  std::size_t named_ = 0;   // limit for all tasks
};

}  // namespace aiotrace::python

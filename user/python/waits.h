// What a suspended task waits for, told by the last links of its await chain.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "python/await_chain.h"
#include "python/code_cache.h"
#include "python/coroutine.h"
#include "python/futures.h"
#include "python/loops.h"

namespace aiotrace::python {

enum class WaitKind {
  unknown,  ///< could not be read, or an awaitable of the program's own
  start,    ///< scheduled, its first step has not run
  turn,     ///< nothing: it runs in the loop's next iteration (asyncio.sleep(0), a bare yield, a future that is done)
  running,
  sleep,
  future,  ///< a future that nothing more is known of
  task,
  gather,
  wait,  ///< asyncio.wait(), as_completed()
  shield,
  task_group,
  lock,
  event,
  condition,
  semaphore,
  barrier,
  queue,
  socket,
  executor,  ///< a thread or process pool: to_thread(), run_in_executor(), getaddrinfo()
  process,
  server,
  async_generator,
};

/// "sleep", "task-group".
[[nodiscard]] std::string_view name(WaitKind kind);

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

/// Tells waits apart by CPython's own functions (Lib/asyncio, 3.8 to 3.15) and by the class of what is awaited.
class WaitReader {
 public:
  /// All must outlive this object.
  WaitReader(CoroutineReader& coroutines, FutureReader& futures, CodeCache& codes)
      : coroutines_(coroutines), futures_(futures), codes_(codes), timers_(futures.objects()) {}

  /// Of a task that is neither running nor finished. `now_ns`: CLOCK_MONOTONIC, when it was read.
  [[nodiscard]] WaitsFor read(const FutureFields& task, const AwaitChain& chain, std::uint64_t now_ns);

 private:
  struct Rule;
  [[nodiscard]] const Rule* rule_of(const Coroutine& link);
  [[nodiscard]] const Rule* find_rule(const AwaitChain& chain, const Coroutine*& link);
  void by_target(WaitsFor& found, std::uint64_t target, std::uint64_t waiting, unsigned depth);
  void by_callback(WaitsFor& found, const FutureFields& future, std::uint64_t waiting);
  void details(WaitsFor& found, const Coroutine& link, std::uint64_t now_ns);
  void set_sleep(WaitsFor& found, const Coroutine& link, std::uint64_t now_ns);
  void add_tasks(WaitsFor& found, const std::vector<std::uint64_t>& futures);
  [[nodiscard]] std::uint64_t local(const Coroutine& link, std::string_view variable);
  [[nodiscard]] std::optional<std::int32_t> transport_fd(std::uint64_t owner) const;

  CoroutineReader& coroutines_;
  FutureReader& futures_;
  CodeCache& codes_;
  TimerReader timers_;
  std::unordered_map<std::uint64_t, const Rule*> rules_;  // by code object
  std::size_t looked_ = 0;                                // futures, of one task: a list that holds itself has no end
  std::size_t told_ = 0;                                  // of all tasks
};

}  // namespace aiotrace::python

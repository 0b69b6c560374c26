// What a task can wait for.
#pragma once

#include <cstdint>

namespace aiotrace::python {

enum class WaitKind : std::uint8_t {
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

/// Who ends a wait.
enum class WaitEnd : std::uint8_t {
  unknown,  ///< whoever has the future: perhaps nobody
  timer,    ///< the loop itself: a timer, or its next iteration
  tasks,    ///< other tasks, when they end
  outside,  ///< a peer, a thread, a process, a producer: may come at any time
  program,  ///< nothing before the program ends: its main task
};

}  // namespace aiotrace::python

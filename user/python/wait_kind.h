// The kinds of waits of a task.
#pragma once

#include <cstdint>

namespace aiotrace::python {

enum class WaitKind : std::uint8_t {
  unknown,  ///< unreadable, or an awaitable of the program's own class
  start,    ///< scheduled, its first step has not run
  turn,     ///< nothing: it runs in the loop's next iteration (asyncio.sleep(0), a bare yield, a finished future)
  running,
  sleep,
  future,  ///< a future about which nothing more is known
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

/// Who can end a wait.
enum class WaitEnd : std::uint8_t {
  unknown,  ///< any holder of the future: perhaps nobody
  timer,    ///< the loop itself: a timer, or its next iteration
  tasks,    ///< other tasks, when they end
  outside,  ///< a peer, a thread, a process, a producer: may end it at any time
  program,  ///< nothing before the program's end: its main task
};

}  // namespace aiotrace::python

// One look at who waits for what in a process, and who holds it. Addresses, not yet names.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "python/containers.h"
#include "python/resources.h"
#include "python/threads.h"
#include "python/waits.h"

namespace aiotrace::python {

/// A place in a function. The code is looked up when it is to be shown.
struct LookFrame {
  std::uint64_t code = 0;
  std::int32_t lasti = -1;
  std::uint64_t object = 0;  ///< of a coroutine: itself; of a thread's function: its frame
};

struct LookParty {
  enum class State : std::uint8_t { waiting, sleeping, scheduled, running };
  bool task = true;
  State state = State::waiting;
  std::uint64_t object = 0;            ///< the task, or the thread's PyThreadState
  pid_t tid = 0;                       ///< the thread, or the one that runs the task's loop; 0: none does
  WaitKind wait = WaitKind::unknown;   ///< of a task
  std::vector<LookFrame> frames{};     ///< innermost first
  std::vector<std::uint32_t> waits{};  ///< resources, by number; it goes on when any one is given to it
  bool timed = false;                  ///< something else may end its wait
  pid_t child = 0;                     ///< the process whose end it waits for, as the program calls it; 0: none
  bool idle = false;                   ///< of a thread: in its loop's poll, or without work in its pool
  bool goes_on = false;                ///< of a task: it was cancelled, and goes on as if it had not been
  std::uint64_t mark = 0;              ///< the same number: at the same instructions, for the same object
};

struct LookHold {
  enum class How : std::uint8_t { with, owner, refers };
  std::uint32_t party = 0;
  How how = How::with;
};

struct LookResource {
  enum class What : std::uint8_t { object, task, future, pipe };
  What what = What::object;
  std::uint64_t object = 0;
  ResourceType type{};       ///< of an object
  std::string class_name{};  ///< of the object; of a pipe: its name
  ResourceState state{};
  std::optional<DequeState> queue{};  ///< of those that wait
  std::vector<LookHold> holds{};
  std::vector<std::uint32_t> watchers{};  ///< of a task: threads that wait for its end while they run its loop
  bool closed = false;                    ///< `holds` are all that could end a wait for it
  /// That is concluded from what the program's functions and frames mention or refer to, not written down by anybody.
  bool inferred = false;
};

struct HangLook {
  std::uint64_t taken_ns = 0;
  std::uint64_t read_ns = 0;
  std::vector<LookParty> parties;  ///< pending tasks, then threads
  std::vector<LookResource> resources;
  std::map<pid_t, std::uint32_t> threads;  ///< party, by tid
  std::size_t tasks = 0;
  std::size_t unreadable = 0;
  bool torn = false;
  bool too_many = false;
};

/// Whom a look is at: tasks too, or only threads, in less time.
enum class LookAt : std::uint8_t { tasks_and_threads, threads };

/// Reads only; the process runs on. Two looks that say the same of a party prove that it waited (see HangScanner).
/// `memory` is read once for each page if it is a PageCache: a torn state lives for one look.
/// `pid`: whose threads' system calls say which lock they wait for.
[[nodiscard]] HangLook look_for_hangs(AsyncioReader& reader, pid_t pid, const std::map<pid_t, PythonThread>& threads,
                                      LookAt at = LookAt::tasks_and_threads);

}  // namespace aiotrace::python

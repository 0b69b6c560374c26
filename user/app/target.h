// One traced process: what is known of it, and what BPF is to know.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "app/look_schedule.h"
#include "model/stall.h"
#include "proc/maps.h"
#include "proc/memory.h"
#include "proc/process.h"
#include "python/interpreter.h"
#include "python/loop_queues.h"
#include "util/result.h"

namespace aiotrace::probe {
class Probe;
}

namespace aiotrace::app {

class Target {
 public:
  [[nodiscard]] static Result<Target> open(std::int32_t pid);

  /// Looks at the process (again): its interpreter, its asyncio. True if BPF has to be informed.
  bool look();
  /// The same when its time has come (look_schedule.h). `now_ns` is of monotonic_ns().
  bool look_again(std::uint64_t now_ns);
  [[nodiscard]] std::uint64_t next_look_ns() const { return schedule_.next_ns(); }
  /// It has not called exec yet: its Python is still to come.
  void expect_start() { schedule_.start(); }
  /// exec: everything known of its memory is void.
  void forget_image();

  /// BPF begins to trace it, or learns what has changed.
  Status trace_by(probe::Probe& probe) const;
  /// Nothing more can become known of its Python before it calls exec: a later look is of no use.
  [[nodiscard]] bool settled() const;

  /// The tid here of what the process itself calls `ns_tid`; nothing if it has no such thread.
  [[nodiscard]] std::optional<std::uint32_t> own_tid(std::uint32_t ns_tid) const;
  /// Python's name of a thread, else its comm.
  [[nodiscard]] std::string thread_name(std::uint32_t tid);
  /// By its frames and what is mapped: that is no proof, as a program can have several libraries with loops.
  [[nodiscard]] model::LoopKind loop_kind(model::LoopSource source) const;
  /// By the class of the loop that the thread runs, by asyncio's own account; nothing: it runs none, or is not
  /// readable.
  [[nodiscard]] std::optional<model::LoopKind> running_kind(std::uint32_t tid) const;
  /// "3.11.2", also of a CPython that is refused; nothing: no CPython, or its version is not known.
  [[nodiscard]] std::optional<std::string> python_version() const;
  /// Why there is no Python detail, for people: only for a CPython that is refused or cannot be read.
  [[nodiscard]] std::optional<std::string> refusal() const;

  /// True for an address inside an interpreter's GIL that a waiting thread's futex has.
  [[nodiscard]] bool is_gil(std::uint64_t futex) const { return gil_at(futex) != 0; }
  /// Is the descriptor a FIFO with a name, and not a pipe?
  [[nodiscard]] bool is_named_pipe(std::int32_t fd) const;
  /// What the Python threads beside this one do now: one of them may hold the lock it waits for.
  [[nodiscard]] std::vector<model::Stall::OtherThread> other_threads(std::uint32_t tid);
  /// The file that is mapped at an address, as the process itself calls it; empty: none.
  [[nodiscard]] std::string mapped_file(std::uint64_t address);
  /// The thread that holds the GIL of this futex now, and what it does; nothing if none does.
  [[nodiscard]] std::optional<model::Stall::OtherThread> gil_holder(std::uint64_t futex);
  /// A path of /proc as the process itself calls it: of a chroot without its directory in front.
  [[nodiscard]] std::string path_inside(std::string path) const;
  /// Where relative paths of the program start, as the process itself calls it; empty if it cannot be determined.
  [[nodiscard]] std::string working_directory() const;
  /// Epoll instances that it has open: what its loops wait on.
  [[nodiscard]] std::size_t epolls() const;

  [[nodiscard]] std::uint32_t pid() const { return static_cast<std::uint32_t>(process_.pid()); }
  [[nodiscard]] const std::string& comm() const { return comm_; }
  void rename(std::string comm) { comm_ = std::move(comm); }
  [[nodiscard]] const proc::Process& process() const { return process_; }
  [[nodiscard]] const proc::Maps& maps() const { return maps_; }
  /// Reads the map again: a library was loaded since.
  void refresh_maps();
  /// A loop has been seen for the first time: it is read soon where the loops keep what they have still to do.
  void want_queues() { queues_wanted_ = true; }
  /// Reads that if it is wanted, and lets BPF know.
  void show_queues(probe::Probe& probe);
  /// Callbacks that are ready to run in the loop of a thread now; nothing: not known.
  [[nodiscard]] std::optional<std::uint64_t> ready(std::uint32_t tid) const;
  [[nodiscard]] const proc::Memory& memory() const { return *memory_; }
  [[nodiscard]] const python::Interpreter* interpreter() const { return interpreter_ ? &*interpreter_ : nullptr; }

  /// Threads with a loop that have not ended.
  [[nodiscard]] const std::set<std::uint32_t>& loops() const { return loops_; }
  void add_loop(std::uint32_t tid);
  void remove_loop(std::uint32_t tid) { loops_.erase(tid); }
  /// The present image had one, even if its thread has ended since.
  [[nodiscard]] bool had_loop() const { return had_loop_; }
  /// True once for each image: the user does not know yet that it has no loop.
  [[nodiscard]] bool note_waiting() { return !std::exchange(noted_waiting_, true); }

  [[nodiscard]] bool ended() const { return ended_; }
  void mark_ended() { ended_ = true; }

 private:
  explicit Target(proc::Process process);
  [[nodiscard]] std::uint64_t gil_at(std::uint64_t futex) const;  // as python::gil_of_futex

  proc::Process process_;
  std::string comm_;
  proc::Maps maps_;
  std::unique_ptr<proc::LiveMemory> memory_;
  std::optional<python::Interpreter> interpreter_;
  std::optional<python::InspectError> refused_;
  std::map<std::uint32_t, std::string> names_;
  bool queues_wanted_ = false;
  std::uint64_t next_queues_ns_ = 0;
  python::LoopQueues queues_;      // as they were found last
  std::set<std::uint32_t> loops_;  // tids
  LookSchedule schedule_;
  bool ended_ = false;
  bool had_loop_ = false;
  bool noted_waiting_ = false;
  bool tids_are_right_ = false;  // the C library keeps a thread's id where BPF reads it
  std::uint32_t generation_ = 0;
};

}  // namespace aiotrace::app

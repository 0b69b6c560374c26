// One traced process: its data in user space, and its configuration for BPF.
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

  /// Inspects the process (again): its interpreter, its asyncio. True if BPF needs the new configuration.
  bool look();
  /// The same if it is due (look_schedule.h). `now_ns` is from monotonic_ns().
  bool look_again(std::uint64_t now_ns);
  [[nodiscard]] std::uint64_t next_look_ns() const { return schedule_.next_ns(); }
  /// It has not called exec yet: its Python starts later.
  void expect_start() { schedule_.start(); }
  /// exec: all data about its memory is invalid.
  void forget_image();

  /// Gives BPF the configuration of the process, or its changes.
  Status trace_by(probe::Probe& probe) const;
  /// Nothing more can become known about its Python before it calls exec, so later inspections are useless.
  [[nodiscard]] bool settled() const;

  /// The tid in our namespace for the tid `ns_tid` of the process; nothing if it has no such thread.
  [[nodiscard]] std::optional<std::uint32_t> own_tid(std::uint32_t ns_tid) const;
  /// Python's name of a thread, else its comm.
  [[nodiscard]] std::string thread_name(std::uint32_t tid);
  /// The kind of loop by its frames and the mapped libraries. This is no proof, because a program can have several
  /// libraries with loops.
  [[nodiscard]] model::LoopKind loop_kind(model::LoopSource source) const;
  /// The kind of loop by the class of the loop that asyncio has registered for the thread; nothing: the thread runs
  /// none, or it is not readable.
  [[nodiscard]] std::optional<model::LoopKind> running_kind(std::uint32_t tid) const;
  /// "3.11.2", also of a CPython that is refused; nothing: no CPython, or its version is not known.
  [[nodiscard]] std::optional<std::string> python_version() const;
  /// Why there is no Python detail, for people: only for a CPython that is refused or cannot be read.
  [[nodiscard]] std::optional<std::string> refusal() const;

  /// True for an address inside an interpreter's GIL at which a thread can wait.
  [[nodiscard]] bool is_gil(std::uint64_t futex) const { return gil_at(futex) != 0; }
  /// Whether the descriptor is a FIFO with a name, not a pipe.
  [[nodiscard]] bool is_named_pipe(std::int32_t fd) const;
  /// What the process's other Python threads do now: one of them may hold the lock that this thread waits for.
  [[nodiscard]] std::vector<model::Stall::OtherThread> other_threads(std::uint32_t tid);
  /// The file that is mapped at an address, with the path that the process itself uses; empty: none.
  [[nodiscard]] std::string mapped_file(std::uint64_t address);
  /// The thread that holds the GIL of this futex now, and its stack; nothing if no thread does.
  [[nodiscard]] std::optional<model::Stall::OtherThread> gil_holder(std::uint64_t futex);
  /// A path from /proc as the process itself sees it: for a chroot without the directory in front.
  [[nodiscard]] std::string path_inside(std::string path) const;
  /// The directory in which relative paths of the program start, as the process itself sees it; empty if unknown.
  [[nodiscard]] std::string working_directory() const;
  /// The number of epoll instances that it has open: its loops wait on these.
  [[nodiscard]] std::size_t epolls() const;

  [[nodiscard]] std::uint32_t pid() const { return static_cast<std::uint32_t>(process_.pid()); }
  [[nodiscard]] const std::string& comm() const { return comm_; }
  void rename(std::string comm) { comm_ = std::move(comm); }
  [[nodiscard]] const proc::Process& process() const { return process_; }
  [[nodiscard]] const proc::Maps& maps() const { return maps_; }
  /// Reads the memory map again, because a library was loaded.
  void refresh_maps();
  /// The same for an address that no mapping is known for, at most 5 % of the time: each of a thousand samples a second
  /// can have one, and a map of 60,000 mappings takes a tenth of a second.
  void refresh_maps_if_due();
  /// A new loop was seen: the addresses of its queues will be read soon.
  void want_queues() { queues_wanted_ = true; }
  /// Reads the queues' addresses if needed, and passes them to BPF.
  void show_queues(probe::Probe& probe);
  /// The number of callbacks that are ready to run in the loop of a thread now; nothing: unknown.
  [[nodiscard]] std::optional<std::uint64_t> ready(std::uint32_t tid) const;
  [[nodiscard]] const proc::Memory& memory() const { return *memory_; }
  [[nodiscard]] const python::Interpreter* interpreter() const { return interpreter_ ? &*interpreter_ : nullptr; }

  /// The threads with a loop that have not ended.
  [[nodiscard]] const std::set<std::uint32_t>& loops() const { return loops_; }
  void add_loop(std::uint32_t tid);
  void remove_loop(std::uint32_t tid) { loops_.erase(tid); }
  /// The present program image had a loop, even if its thread has ended.
  [[nodiscard]] bool had_loop() const { return had_loop_; }
  /// True once for each program image: the user has not been informed yet that it has no loop.
  [[nodiscard]] bool note_waiting() { return !std::exchange(noted_waiting_, true); }

  [[nodiscard]] bool ended() const { return ended_; }
  void mark_ended() { ended_ = true; }

 private:
  explicit Target(proc::Process process);
  [[nodiscard]] std::uint64_t gil_at(std::uint64_t futex) const;  // as python::gil_of_futex

  proc::Process process_;
  std::string comm_;
  proc::Maps maps_;
  std::uint64_t next_maps_ns_ = 0;
  std::unique_ptr<proc::LiveMemory> memory_;
  std::optional<python::Interpreter> interpreter_;
  std::optional<python::InspectError> refused_;
  std::map<std::uint32_t, std::string> names_;
  bool queues_wanted_ = false;
  std::uint64_t next_queues_ns_ = 0;
  python::LoopQueues queues_;      // as last found
  std::set<std::uint32_t> loops_;  // tids
  LookSchedule schedule_;
  bool ended_ = false;
  bool had_loop_ = false;
  bool noted_waiting_ = false;
  bool tids_are_right_ = false;  // the C library stores a thread's id where BPF reads it
  std::uint32_t generation_ = 0;
};

}  // namespace aiotrace::app

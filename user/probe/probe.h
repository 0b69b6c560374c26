// The kernel side as an object: loads the programs, attaches them, talks to their maps.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/losses.h"
#include "model/statistics.h"
#include "model/thread_now.h"
#include "probe/poll_probe.h"
#include "probe/run_meter.h"
#include "probe/seeds.h"
#include "util/result.h"

struct loop_queue;      // bpf/abi/loop_queue.h
struct process_config;  // bpf/abi/config.h

namespace aiotrace::probe {

/// Reports all threads of the traced processes, whatever they do, instead of the iterations of their loops.
struct ProfileOptions {
  bool samples = true;       ///< time on a CPU: a sample for each `sample_period_ns` of it
  bool waits = false;        ///< time off the CPU: exactly, from the scheduler
  std::uint64_t min_ns = 0;  ///< shorter intervals off the CPU are added up by thread and cause
  bool tasks = false;        ///< with the task of each
  bool gil = false;          ///< only waits for the GIL and waits with it, and samples with the holder
};

/// The target of a thread's wait in a system call.
enum class SyscallWait : std::uint8_t {
  other,
  sleep,
  file,
  network,
  process,
  futex,
  descriptor,  ///< decided by the file behind the first argument
  poll,        ///< decided by its arguments; without descriptors it is a sleep
};
struct Syscall {
  std::uint32_t number = 0;
  SyscallWait wait = SyscallWait::other;
  unsigned path_argument = 0;  ///< the argument that is a path, 1: the first; 0: none
};

struct ProbeOptions {
  std::uint64_t warn_ns = 50'000'000;
  std::uint64_t young_ns = 5'000'000;           ///< samples in a shorter iteration are dropped
  std::uint64_t segment_ns = 1'000'000;         ///< shorter waits are added up by cause
  std::uint64_t sample_period_ns = 1'000'000;   ///< of the fine clock; a profile has no other
  std::uint64_t coarse_period_ns = 10'000'000;  ///< of a loop thread that needs no fine clock
  std::uint64_t fine_after_ns = 10'000'000;     ///< an iteration that used more CPU time requests fine samples
  std::uint64_t native_ns = 0;  ///< waits at least this long, and all samples, carry the native stack; 0: none
  PollProbe poll = PollProbe::automatic;
  bool trace_all = false;        ///< also processes without a config, as plain loops
  bool follow = false;           ///< children start with their parent's config
  bool load_statistics = false;  ///< notes() reports how long the verification of each program took
  std::optional<ProfileOptions> profile = {};
  std::uint32_t ring_bytes = 4u << 20;  ///< a power of two, at least a page
  std::uint32_t max_processes = 1024;
  std::uint32_t max_threads = 1024;
  std::vector<Syscall> syscalls = {};  ///< calls that are not listed have the class `other`
};

class Probe {
 public:
  /// Opens, configures and loads; nothing is attached yet. Errors: not_permitted names the missing capabilities,
  /// unsupported names the missing feature of the kernel.
  [[nodiscard]] static Result<Probe> load(const ProbeOptions& options);

  Probe(Probe&&) noexcept;
  Probe& operator=(Probe&&) noexcept;
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;
  ~Probe();

  /// Attaches the probes of the scheduler, of the processes and (except for the uprobe) of polls. With `automatic`,
  /// uses the first way to see polls that attaches: fentry, the tracepoint, and without `trace_all` the uprobe.
  Status attach();
  /// The way in use; never `automatic`.
  [[nodiscard]] PollProbe poll_probe() const;
  /// Why fentry is not used although it is preferred; nothing if it is used, or was not requested.
  [[nodiscard]] const std::optional<std::string>& fentry_problem() const;
  /// Other problems, and the load times, one line each; for -v.
  [[nodiscard]] const std::vector<std::string>& notes() const;

  /// A uprobe on a poll function at `offset` of the file `path`, triggered only by this process. `epoll`: its first
  /// argument is an epoll instance; else it is a select or poll.
  Status attach_uprobe(std::uint32_t pid, const std::string& path, std::uint64_t offset, bool epoll);
  void detach_uprobes(std::uint32_t pid);

  /// Begins to trace a process, or replaces its configuration.
  Status set_process(std::uint32_t pid, const process_config& config);
  /// A process that the user did not select: it is not reported any more.
  Status ignore_process(std::uint32_t pid);
  void remove_process(std::uint32_t pid);
  /// The end of the run: from here on nothing is counted or reported, so that the counters and the records that are
  /// still in the ring buffer are from the same time. Cannot be undone.
  void stop();

  /// Adds a thread that may be inside a poll or an iteration.
  Status seed_thread(const ThreadSeed& seed);
  /// Starts the coarse cpu-clock samples of a thread; a second call does nothing.
  Status sample_thread(std::uint32_t tid);
  /// Starts or ends the fine samples of a thread that has coarse ones, which continue; does nothing for other threads.
  Status sample_finely(std::uint32_t tid, bool finely);
  void remove_thread(std::uint32_t tid);
  /// Passes the addresses of the queues of a thread's loop. If there is no room, the report of its stalls does not say
  /// what they delayed.
  void set_queue(std::uint32_t tid, const loop_queue& queue);
  /// Nothing for a thread that BPF does not know.
  [[nodiscard]] std::optional<model::ThreadNow> thread(std::uint32_t tid) const;
  /// The iterations of a loop thread so far.
  [[nodiscard]] std::optional<model::LoopCounters> counters(std::uint32_t tid) const;
  /// The last copy of a thread's registers and stack, as a record; empty if there is none. For a running thread the
  /// copy may be a mixture of two.
  [[nodiscard]] std::vector<std::byte> native_copy(std::uint32_t tid) const;
  /// Does nothing if BPF already knows that thread.
  Status seed_profiled(const ProfileSeed& seed);
  /// The data of a profile with waits about a thread's time.
  [[nodiscard]] std::optional<model::ThreadTimes> profiled(std::uint32_t tid) const;
  /// The tids in the map of loop threads.
  [[nodiscard]] std::vector<std::uint32_t> threads() const;

  /// Readable when there are records.
  [[nodiscard]] int fd() const;
  /// Passes the waiting records on, in order, for at most 30 ms: signals and deadlines are checked between two calls,
  /// however many records come.
  Status consume(const std::function<void(std::span<const std::byte>)>& take);
  /// Whether the last consume() passed on every waiting record.
  [[nodiscard]] bool drained() const;

  /// The losses that the kernel side counts, of all CPUs.
  [[nodiscard]] model::LossCounts losses() const;
  /// Whose records found no room in the ring buffer, most first, without names.
  [[nodiscard]] std::vector<model::LostRecords> lost_by() const;
  /// Memory of all BPF maps together, as the kernel accounts for it; nothing where it does not say.
  [[nodiscard]] std::optional<std::uint64_t> map_bytes() const;
  /// See RunMeter: call this about every 50 ms.
  void measure_cost_now_and_then(std::uint64_t now_ns);
  /// Nothing where the kernel does not report it.
  [[nodiscard]] std::optional<RunCost> cost() const;

 private:
  struct Impl;
  explicit Probe(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace aiotrace::probe

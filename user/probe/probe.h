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

/// All threads of the traced processes, whatever they do, in place of the iterations of their loops.
struct ProfileOptions {
  bool samples = true;       ///< on a CPU: a sample each `sample_period_ns` of it
  bool waits = false;        ///< off the CPU: exactly, by the scheduler
  std::uint64_t min_ns = 0;  ///< shorter intervals off the CPU are added up by thread and cause
  bool tasks = false;        ///< with the task of each
  bool gil = false;          ///< only waits for the GIL and with it, and samples that know who holds it
};

/// What a thread waits for in a system call.
enum class SyscallWait : std::uint8_t {
  other,
  sleep,
  file,
  network,
  process,
  futex,
  descriptor,  ///< what the file behind the first argument says
  poll,        ///< what it is called with says; without descriptors it is a sleep
};
struct Syscall {
  std::uint32_t number = 0;
  SyscallWait wait = SyscallWait::other;
  unsigned path_argument = 0;  ///< which argument is a path, 1 the first; 0: none
};

struct ProbeOptions {
  std::uint64_t warn_ns = 50'000'000;
  std::uint64_t young_ns = 5'000'000;           ///< samples in a younger iteration are dropped
  std::uint64_t segment_ns = 1'000'000;         ///< shorter waits are added up by cause
  std::uint64_t sample_period_ns = 1'000'000;   ///< the fine one; a profile knows no other
  std::uint64_t coarse_period_ns = 10'000'000;  ///< of a loop thread that needs no fine one
  std::uint64_t fine_after_ns = 10'000'000;     ///< an iteration that used the CPU for longer asks for fine samples
  std::uint64_t native_ns = 0;  ///< waits at least this long, and all samples, carry the native stack; 0: nothing does
  PollProbe poll = PollProbe::automatic;
  bool trace_all = false;        ///< processes without a config too, as plain loops
  bool follow = false;           ///< children start with their parent's config
  bool load_statistics = false;  ///< notes() reports what verifying each program took
  std::optional<ProfileOptions> profile = {};
  std::uint32_t ring_bytes = 4u << 20;  ///< a power of two, at least a page
  std::uint32_t max_processes = 1024;
  std::uint32_t max_threads = 1024;
  std::vector<Syscall> syscalls = {};  ///< those that are not here wait for something else
};

class Probe {
 public:
  /// Opens, configures and loads; nothing is attached yet. Errors: not_permitted names the capabilities that are
  /// missing, unsupported names what the kernel lacks.
  [[nodiscard]] static Result<Probe> load(const ProbeOptions& options);

  Probe(Probe&&) noexcept;
  Probe& operator=(Probe&&) noexcept;
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;
  ~Probe();

  /// Attaches the scheduler's, the processes' and (unless it is the uprobe) the poll's probes. With `automatic`, of the
  /// ways to see polls the first one that attaches serves: fentry, the tracepoint, and without `trace_all` the uprobe.
  Status attach();
  /// The one in use; never `automatic`.
  [[nodiscard]] PollProbe poll_probe() const;
  /// Why fentry is not in use though it is preferred; nothing if it is in use, or was not asked for.
  [[nodiscard]] const std::optional<std::string>& fentry_problem() const;
  /// What else is not as it should be, and what loading took, a line each; for -v.
  [[nodiscard]] const std::vector<std::string>& notes() const;

  /// A uprobe on a poll function at `offset` of the file `path`, hit by this process only. `epoll`: its first argument
  /// is an epoll instance; else it is a select or poll.
  Status attach_uprobe(std::uint32_t pid, const std::string& path, std::uint64_t offset, bool epoll);
  void detach_uprobes(std::uint32_t pid);

  /// Begins to trace a process, or replaces its configuration.
  Status set_process(std::uint32_t pid, const process_config& config);
  /// A process that nobody asked for: nothing of it is reported any more.
  Status ignore_process(std::uint32_t pid);
  void remove_process(std::uint32_t pid);
  /// The end of the run: nothing is counted or reported from here on, so that what was counted and the records that
  /// still wait in the ring buffer are of the same time. For good.
  void stop();

  /// A thread that may be in the middle of a poll or an iteration.
  Status seed_thread(const ThreadSeed& seed);
  /// Starts the coarse cpu-clock samples of a thread; a second call does nothing.
  Status sample_thread(std::uint32_t tid);
  /// Starts or ends the fine ones of a thread that has coarse ones, which go on; of another does nothing.
  Status sample_finely(std::uint32_t tid, bool finely);
  void remove_thread(std::uint32_t tid);
  /// Where the loop of a thread keeps what it has still to do. Where there is no room its stalls hold up nobody that is
  /// known.
  void set_queue(std::uint32_t tid, const loop_queue& queue);
  /// Nothing of a thread that BPF does not know.
  [[nodiscard]] std::optional<model::ThreadNow> thread(std::uint32_t tid) const;
  /// The iterations of a loop thread so far.
  [[nodiscard]] std::optional<model::LoopCounters> counters(std::uint32_t tid) const;
  /// The last copy of a thread's registers and stack, as a record; empty without one. Of a running thread it may be
  /// half of one and half of another.
  [[nodiscard]] std::vector<std::byte> native_copy(std::uint32_t tid) const;
  /// Does nothing if BPF has met that thread already.
  Status seed_profiled(const ProfileSeed& seed);
  /// What a profile with waits knows of a thread's time.
  [[nodiscard]] std::optional<model::ThreadTimes> profiled(std::uint32_t tid) const;
  /// The tids in the map of loop threads.
  [[nodiscard]] std::vector<std::uint32_t> threads() const;

  /// Readable when records wait.
  [[nodiscard]] int fd() const;
  /// Hands out the records that wait, in order, for 30 ms at most: between two calls signals and deadlines are looked
  /// at, however many records come.
  Status consume(const std::function<void(std::span<const std::byte>)>& take);
  /// Whether the last consume() has handed out every record that waited.
  [[nodiscard]] bool drained() const;

  /// Those that the kernel side counts, of all CPUs.
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

// Collects the events of each thread's present iteration and makes stalls from them.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "model/callback_runs.h"
#include "model/moments.h"
#include "model/sample_weights.h"
#include "model/segments.h"
#include "model/task_shares.h"

namespace aiotrace::model {

/// A sample with what the thread ran, which the session determined.
struct ClassifiedSample {
  EventHead head;
  std::uint64_t iteration = 0;
  std::uint64_t stack_id = 0;
  Cause cause = Cause::python;  ///< python, native, gc or kernel
  std::string syscall;          ///< kernel: its name; empty: none
  std::optional<Culprit> culprit;
  bool has_task = false;
  std::uint64_t callback = 0;            ///< as in Sample
  std::uint64_t cpu_ns = kFineSampleNs;  ///< as in Sample
};

/// A block with the name of its system call and, if known, its target.
struct ClassifiedBlock {
  Blocked blocked;
  std::string syscall;
  std::optional<Culprit> culprit;
  std::optional<Culprit> runnable_culprit;  ///< quota that limited its time between wake-up and switch-in
};

/// An ongoing iteration, as BPF's map shows it.
struct OpenIteration {
  EventHead head;  ///< time_ns: when it was read
  std::uint64_t iteration = 0;
  std::uint64_t start_ns = 0;
  std::array<std::uint64_t, kCauses> cause_ns{};  ///< without the present wait
  std::array<std::uint32_t, kCauses> cause_count{};
  std::int32_t epfd = -1;
  bool open_start = false;
  std::uint32_t losses = 0;
  HeldUp held_up{};
  /// The present wait of the thread; nothing while it is on a CPU. cpu_wait: it is runnable.
  struct PresentWait {
    Cause cause = Cause::other;
    std::uint64_t since_ns = 0;
    std::uint64_t stack_id = 0;
    std::string syscall;
    std::optional<Culprit> culprit;
    bool has_task = false;
  };
  std::optional<PresentWait> wait;
};

/// The definition of a code object.
struct Definition {
  std::string function;
  std::string file;
  std::uint32_t first_line = 0;
};

/// The events of a thread must be added in the order of the ring buffer. The caller has to fill in the stalls' `thread`
/// and `loop_kind`.
class StallBuilder {
 public:
  using FindCode = std::function<std::optional<Definition>(std::uint32_t pid, std::uint64_t code_id)>;

  /// A stall of at least `error_ns` gets `error`. `stacks` must outlive the builder.
  StallBuilder(std::uint64_t error_ns, StackStore& stacks, FindCode find_code);

  /// The thread is in this iteration now; nothing else about it needs to be known.
  void begin(const EventHead& head, std::uint64_t iteration) { current(head, iteration); }

  void add(const TaskSeen& task);
  void add(const ClassifiedBlock& block);
  void add(const ClassifiedSample& sample);

  /// The stall of this iteration. It has the id of its earlier snapshots.
  [[nodiscard]] Stall end(const IterationEnd& end);

  /// The stall so far (ongoing); nothing if it has ended. Collected data is not removed.
  [[nodiscard]] std::optional<Stall> snapshot(const OpenIteration& open);

  /// The thread or process ended, or called exec: its collected data is dropped. A stall with a snapshot and without an
  /// end then becomes one of the unfinished stalls.
  void forget_thread(std::uint32_t pid, std::uint32_t tid);
  void forget_process(std::uint32_t pid);

  /// Stalls with a snapshot whose end can no longer come, in the state of their last snapshot (`ongoing` is still set);
  /// each is returned once. With `all` also the ongoing ones, for the end of the run.
  [[nodiscard]] std::vector<Stall> take_unfinished(bool all = false);

  /// Number of requested stack ids that the store did not have.
  [[nodiscard]] std::uint64_t missing_stacks() const { return missing_stacks_; }
  [[nodiscard]] std::size_t threads() const { return threads_.size(); }

 private:
  struct Collected {
    std::uint64_t iteration = 0;
    bool ended = false;
    Pieces pieces;
    TaskShares tasks;
    SampleWeights weights;
    std::optional<SegmentKey> sampled;  // the last sample
    CallbackRuns callbacks;
    Moments moments;

    void add_before(std::uint64_t ns);  // up to the last sample
  };
  using ThreadId = std::uint64_t;  // pid << 32 | tid

  static ThreadId thread_id(const EventHead& head);
  Collected* current(const EventHead& head, std::uint64_t iteration);
  StackRef find_stack(std::uint32_t pid, std::uint64_t stack_id);
  void retire_before(ThreadId thread, std::uint64_t iteration);
  void retire_thread(ThreadId thread);
  std::optional<Task> task_of(std::uint32_t pid, const TaskShares& tasks, std::uint64_t on_cpu_ns) const;
  Stall stall_of(const EventHead& head, const ExactTimes& exact, const Pieces& pieces, const TaskShares& tasks) const;

  std::uint64_t error_ns_;
  StackStore& stacks_;
  FindCode find_code_;
  std::uint64_t next_id_ = 1;
  std::uint64_t missing_stacks_ = 0;
  std::unordered_map<ThreadId, Collected> threads_;
  std::map<std::pair<ThreadId, std::uint64_t>, Stall> ongoing_;  // by thread and iteration: the last snapshot
  std::vector<Stall> unfinished_;
};

}  // namespace aiotrace::model

// From records to stalls: follows the traced processes and feeds the model and the outputs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "app/cgroup_quota.h"
#include "app/filter.h"
#include "app/fine_sampling.h"
#include "app/held_events.h"
#include "app/native_stacks.h"
#include "app/sample_classifier.h"
#include "app/shared_polls.h"
#include "app/target.h"
#include "app/target_set.h"
#include "app/target_times.h"
#include "app/tracker_sink.h"
#include "model/loop_now.h"
#include "model/stall_builder.h"
#include "model/statistics.h"
#include "model/thread_now.h"
#include "probe/off_since.h"
#include "probe/probe.h"
#include "util/clock.h"

namespace aiotrace::app {

struct TrackerConfig {
  std::uint64_t warn_ns = 0;   ///< an iteration at least this long is a stall
  std::uint64_t error_ns = 0;  ///< a stall at least this long is an error
  bool all = false;            ///< also loops of processes that were not added
  Filter filter;               ///< with `all`: only of these
  bool follow = false;         ///< children of the added processes too
  bool native = false;         ///< whole native stacks
  bool verbose = false;        ///< report other problems too
  /// For a run without an end: ended loops are in no summary, and take no memory.
  bool forget_ended = false;
};

class Tracker {
 public:
  /// `probe` and `sink` must outlive the tracker.
  Tracker(TrackerConfig config, probe::Probe& probe, TrackerSink& sink);

  /// Begins to trace: BPF knows it when this returns.
  Status add(Target target, TargetSet::Look look);
  /// -a: adds every process that waits in a poll now. Returns how many were added.
  std::size_t add_all_running();
  /// Sets another filter: processes that do not pass it are no longer traced, and those that pass it are.
  void select(const Filter& filter);
  /// --follow: adds all descendants of the traced processes. From then on BPF reports new ones.
  Status add_descendants();
  [[nodiscard]] TargetSet& targets() { return targets_; }
  [[nodiscard]] TargetTimes& times() { return times_; }
  [[nodiscard]] const TargetTimes& times() const { return times_; }
  /// Those that have ended too, as long as they are known.
  [[nodiscard]] std::size_t loops_seen() const { return loops_.size(); }
  [[nodiscard]] const TargetSet& targets() const { return targets_; }
  void process_ended(std::uint32_t pid);

  /// Processes everything in the ring buffer.
  Status consume();
  /// Inspects processes again whose Python was not ready. Returns when the next one is due; 0: none.
  std::uint64_t look(std::uint64_t now_ns);
  /// To be called regularly.
  void stop_idle(std::uint64_t now_ns) { fine_.stop_idle(now_ns); }
  /// To be called regularly: passes the addresses of the queues of new loops to BPF.
  void show_queues() {
    for (auto& [pid, target] : targets_) target.show_queues(probe_);
  }
  /// Reports ongoing stalls: at --error, then at doubling intervals.
  void report_ongoing(std::uint64_t now_ns);
  /// Every loop that has not ended, with its present counters.
  void read_loops(const std::function<void(const model::LoopNow&)>& take);
  /// To be called at the end of the run: reports every ongoing stall that has reached --warn.
  void finish(std::uint64_t now_ns);

  [[nodiscard]] model::Summary summary(std::uint64_t now_ns) const;
  /// The loops whose threads have not ended.
  [[nodiscard]] std::vector<model::LoopNow> loops_now(std::uint64_t now_ns) const;
  /// All losses, in BPF and in user space.
  [[nodiscard]] model::LossCounts losses() const;
  [[nodiscard]] std::uint64_t longest_stall_ns() const { return longest_ns_; }
  [[nodiscard]] std::uint64_t start_ns() const { return start_ns_; }

 private:
  // A wait about which reading from outside showed more than BPF sees: the wait at the attach, or a wait for a lock.
  struct FoundWait {
    std::uint64_t since_ns = 0;
    std::optional<model::Culprit> culprit;
  };
  struct Loop {
    std::uint32_t pid = 0;
    model::LoopKind kind = model::LoopKind::other;
    bool kind_known = false;    // it need not be read again
    std::uint64_t seen_ns = 0;  // since when it is traced
    std::string thread;
    std::string comm;
    std::uint64_t reported_iteration = ~std::uint64_t{0};
    std::uint64_t report_at_ns = 0;  // age at which the present iteration is reported next
    std::uint64_t due_ns = 0;        // when its first report was due; 0: not yet
    bool ended = false;
    bool start_known = false;  // of the iteration at the attach
    std::optional<FoundWait> found_wait;
    model::LoopCounters last;  // kept after the thread's end
  };

  void take(std::span<const std::byte> record);
  void lose(model::Loss what) { ++user_losses_[static_cast<std::size_t>(what)]; }
  void on(const model::LoopSeen& event);
  void on(const model::CodeSeen& event);
  void on(const model::StackSeen& event);
  void on(const model::TaskSeen& event);
  void on(const model::TargetSeen& event);
  void on(const model::Blocked& event);
  void on(const model::Sample& event);
  void on(const model::NativeSeen& event);
  void on(const model::RunsSeen& event);
  void on(const model::IterationEnd& event);
  void on(const model::ProcessExec& event);
  void on(const model::ThreadExit& event);
  void on(const model::ProcessExit& event);
  void on(const model::ProcessFork& event);

  Target* target_or_new(const model::LoopSeen& event);
  void ignore(std::uint32_t pid, std::uint32_t tid);
  // Whether this is a thread of a scheduler: another thread always took over its poll.
  [[nodiscard]] bool is_worker(std::uint32_t pid, std::uint32_t tid) const;
  // Whether it is only the wait of a thread whose poll another thread has taken over.
  [[nodiscard]] bool is_no_stall(const model::Stall& stall);
  // The kind of the loop. asyncio's own loop is known by its frames; for others the running loop is read once.
  void name_kind(const Target& target, std::uint32_t tid, model::LoopSource source, Loop& loop);
  void drop_ended();
  void forget_image(std::uint32_t pid);
  // The interpreter was recognized after the loop: the loop then has another kind.
  void refresh_kind(std::uint32_t tid, Loop& loop, Target& owner);
  [[nodiscard]] std::optional<model::LoopNow> loop_now(std::uint32_t tid, const Loop& loop, std::uint64_t now_ns) const;
  void end_loop(std::uint32_t tid, std::uint64_t now_ns);
  [[nodiscard]] std::uint64_t with_native(const model::EventHead& head, std::uint64_t iteration,
                                          std::uint64_t python_stack);
  void keep_words(model::Sample& sample) const;
  // Holds an event of an iteration until the iteration is known to be a stall.
  void place(const model::EventHead& head, std::uint64_t iteration, HeldEvents::Event event);
  void give_held(std::uint32_t tid, std::uint64_t iteration);
  void give(const model::TaskSeen& event) { builder_.add(event); }
  void give(const model::ClassifiedBlock& block) { builder_.add(block); }
  void give(const model::Sample& event);
  [[nodiscard]] std::uint64_t stack_of_wait(const model::ThreadNow& thread);
  // BPF determines the kind of a loop when it first sees it, if its Python is known by then. Otherwise the kind is
  // determined here, from the stack.
  void find_kinds(std::uint64_t now_ns);
  // True: nothing more can be found.
  bool find_kinds(Target& target);
  void want_kind(const model::LoopSeen& event);
  void take_changed(Target& target);
  void seed(Target& target);
  std::uint64_t waits_since(const probe::ThreadSeed& seed);
  void attach_uprobes(Target& target);
  void report(model::Stall stall, bool unfinished);
  [[nodiscard]] static bool in_iteration(const model::ThreadNow& thread, std::uint64_t now_ns);
  /// The thread, if its present iteration is at least `least_ns` old and due to be reported.
  std::optional<model::ThreadNow> due_ongoing(std::uint32_t tid, Loop& loop, std::uint64_t now_ns,
                                              std::uint64_t least_ns);
  void find_lock(const model::ThreadNow& thread, Loop& loop, std::uint64_t now_ns);
  void report_thread(const model::ThreadNow& thread, Loop& loop, std::uint64_t now_ns, bool last);
  void report_settled(const model::ThreadNow& before, std::uint64_t now_ns);
  [[nodiscard]] std::optional<model::Culprit> culprit_of(const model::Blocked& blocked);
  [[nodiscard]] std::optional<model::Culprit> culprit_of_runnable(const model::Blocked& blocked, bool throttled);

  TrackerConfig config_;
  probe::Probe& probe_;
  TrackerSink& sink_;
  TargetSet targets_;
  TargetTimes times_;
  model::StallBuilder builder_;
  model::Statistics statistics_;
  SampleClassifier classifier_;
  NativeStacks natives_;
  HeldEvents held_;
  FineSampling fine_;
  SharedPolls shared_;
  std::set<std::uint32_t> takes_turns_;                        // pids about which the user was informed
  std::set<std::pair<std::uint32_t, std::uint32_t>> workers_;  // pid and tid: other threads have taken over their polls
  std::uint64_t taken_over_ = 0;                               // waits
  std::optional<Result<probe::OffSince>> off_since_;           // loaded when the first one is asked for
  struct KindSearch {
    std::uint64_t next_ns = 0;
    unsigned tries = 0;
  };
  std::uint64_t next_kind_ns_ = 0;
  std::map<std::uint32_t, KindSearch> kind_searches_;                 // by pid
  std::map<std::uint32_t, Loop> loops_;                               // by tid
  std::unordered_map<std::uint32_t, model::TargetSeen> last_target_;  // by tid
  std::unordered_map<std::uint32_t, model::RunsSeen> last_runs_;      // by tid
  // A trace could not be started: if the reason is the limit of open files, informs the user.
  void note_untraced();
  std::uint64_t untraced_ = 0;
  void release_fault(std::uint32_t tid, const model::TargetSeen* target);

  // The record with the address of a fault comes after its block: the block waits here.
  std::unordered_map<std::uint32_t, model::ClassifiedBlock> faults_;  // by tid
  struct KnownQuota {
    std::uint64_t read_ns = 0;
    std::optional<CpuQuota> quota;
  };
  std::unordered_map<std::uint32_t, KnownQuota> quotas_;  // by tid
  model::LossCounts user_losses_{};
  std::uint64_t next_ongoing_ns_ = 0;
  std::uint64_t next_lock_ns_ = 0;  // no search for a lock before this time
  std::uint64_t start_ns_;
  std::uint64_t longest_ns_ = 0;
};

}  // namespace aiotrace::app

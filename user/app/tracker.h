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
  std::uint64_t error_ns = 0;  ///< and one at least this long an error
  bool all = false;            ///< loops of processes that were not added too
  Filter filter;               ///< with `all`: only of these
  bool follow = false;         ///< children of the added processes too
  bool native = false;         ///< whole native stacks
  bool verbose = false;        ///< report what else goes wrong
  /// For a run without an end: what has ended is in no summary, and takes no memory.
  bool forget_ended = false;
};

class Tracker {
 public:
  /// `probe` and `sink` must outlive the tracker.
  Tracker(TrackerConfig config, probe::Probe& probe, TrackerSink& sink);

  /// Begins to trace: BPF knows it when this returns.
  Status add(Target target, TargetSet::Look look);
  /// -a: every process that waits in a poll now. How many were added.
  std::size_t add_all_running();
  /// Another filter from now on: who does not pass it is traced no longer, who does is.
  void select(const Filter& filter);
  /// --follow: every process below those that are traced. From then on BPF reports the new ones.
  Status add_descendants();
  [[nodiscard]] TargetSet& targets() { return targets_; }
  [[nodiscard]] TargetTimes& times() { return times_; }
  [[nodiscard]] const TargetTimes& times() const { return times_; }
  /// Those that have ended too, as long as they are known.
  [[nodiscard]] std::size_t loops_seen() const { return loops_.size(); }
  [[nodiscard]] const TargetSet& targets() const { return targets_; }
  void process_ended(std::uint32_t pid);

  /// Takes everything that waits in the ring buffer.
  Status consume();
  /// Looks again at processes whose Python was not ready. When the next one is due; 0: none.
  std::uint64_t look(std::uint64_t now_ns);
  /// To be called now and then.
  void stop_idle(std::uint64_t now_ns) { fine_.stop_idle(now_ns); }
  /// The same: for BPF, where loops that are new keep what they have still to do.
  void show_queues() {
    for (auto& [pid, target] : targets_) target.show_queues(probe_);
  }
  /// Reports stalls that go on: at --error, then at doubling intervals.
  void report_ongoing(std::uint64_t now_ns);
  /// Every loop that has not ended, with its counters as they are now.
  void read_loops(const std::function<void(const model::LoopNow&)>& take);
  /// The end of the run: reports every stall that goes on and has reached --warn.
  void finish(std::uint64_t now_ns);

  [[nodiscard]] model::Summary summary(std::uint64_t now_ns) const;
  /// The loops whose threads have not ended.
  [[nodiscard]] std::vector<model::LoopNow> loops_now(std::uint64_t now_ns) const;
  /// Everything that was lost, of both sides.
  [[nodiscard]] model::LossCounts losses() const;
  [[nodiscard]] std::uint64_t longest_stall_ns() const { return longest_ns_; }
  [[nodiscard]] std::uint64_t start_ns() const { return start_ns_; }

 private:
  // A wait of which more was found out from outside than BPF sees: the one that a thread was in when aiotrace came, or
  // one for a lock.
  struct FoundWait {
    std::uint64_t since_ns = 0;
    std::optional<model::Culprit> culprit;
  };
  struct Loop {
    std::uint32_t pid = 0;
    model::LoopKind kind = model::LoopKind::other;
    bool kind_known = false;    // it need not be asked again
    std::uint64_t seen_ns = 0;  // since when it is traced
    std::string thread;
    std::string comm;
    std::uint64_t reported_iteration = ~std::uint64_t{0};
    std::uint64_t report_at_ns = 0;  // age at which the present iteration is reported next
    std::uint64_t due_ns = 0;        // when its first report was due; 0: not yet
    bool ended = false;
    bool start_known = false;  // of the iteration that it was in when aiotrace came
    std::optional<FoundWait> found_wait;
    model::LoopCounters last;  // kept when the thread is gone
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
  // A thread of a scheduler: another one always took over its poll.
  [[nodiscard]] bool is_worker(std::uint32_t pid, std::uint32_t tid) const;
  // The wait of a thread whose poll another one has taken over.
  [[nodiscard]] bool is_no_stall(const model::Stall& stall);
  // What the loop is called. asyncio's own is known by its frames; of others the running loop is asked, once.
  void name_kind(const Target& target, std::uint32_t tid, model::LoopSource source, Loop& loop);
  void drop_ended();
  void forget_image(std::uint32_t pid);
  // Python came to be known later than its loop: that has another kind then.
  void refresh_kind(std::uint32_t tid, Loop& loop, Target& owner);
  [[nodiscard]] std::optional<model::LoopNow> loop_now(std::uint32_t tid, const Loop& loop, std::uint64_t now_ns) const;
  void end_loop(std::uint32_t tid, std::uint64_t now_ns);
  [[nodiscard]] std::uint64_t with_native(const model::EventHead& head, std::uint64_t iteration,
                                          std::uint64_t python_stack);
  void keep_words(model::Sample& sample) const;
  // An event of an iteration: held until the iteration is known to be a stall.
  void place(const model::EventHead& head, std::uint64_t iteration, HeldEvents::Event event);
  void give_held(std::uint32_t tid, std::uint64_t iteration);
  void give(const model::TaskSeen& event) { builder_.add(event); }
  void give(const model::ClassifiedBlock& block) { builder_.add(block); }
  void give(const model::Sample& event);
  [[nodiscard]] std::uint64_t stack_of_wait(const model::ThreadNow& thread);
  // BPF sees of which kind a loop is when it meets it, if its Python is known by then. Else the stack shows it, here.
  void find_kinds(std::uint64_t now_ns);
  // True: nothing more is to be found.
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
  std::set<std::uint32_t> takes_turns_;                        // pids of which the user knows
  std::set<std::pair<std::uint32_t, std::uint32_t>> workers_;  // pid and tid: others have taken over their polls
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
  // Something could not be traced: if it is for want of open files, the user has to know.
  void note_untraced();
  std::uint64_t untraced_ = 0;
  void release_fault(std::uint32_t tid, const model::TargetSeen* target);

  // The address of a fault comes in a record after its block: the block waits here.
  std::unordered_map<std::uint32_t, model::ClassifiedBlock> faults_;  // by tid
  struct KnownQuota {
    std::uint64_t read_ns = 0;
    std::optional<CpuQuota> quota;
  };
  std::unordered_map<std::uint32_t, KnownQuota> quotas_;  // by tid
  model::LossCounts user_losses_{};
  std::uint64_t next_ongoing_ns_ = 0;
  std::uint64_t next_lock_ns_ = 0;  // no look for a lock before
  std::uint64_t start_ns_;
  std::uint64_t longest_ns_ = 0;
};

}  // namespace aiotrace::app

// From records to stalls: follows the traced processes and feeds the model and the outputs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "app/cgroup_quota.h"
#include "app/code_store.h"
#include "app/filter.h"
#include "app/fine_sampling.h"
#include "app/held_events.h"
#include "app/native_stacks.h"
#include "app/options.h"
#include "app/outputs.h"
#include "app/sample_classifier.h"
#include "app/target.h"
#include "model/stall_builder.h"
#include "model/statistics.h"
#include "probe/probe.h"
#include "util/clock.h"

namespace aiotrace::app {

class Tracker {
 public:
  /// All must outlive the tracker.
  Tracker(const Options& options, probe::Probe& probe, Outputs& outputs);

  /// What is known of a process when it is added.
  enum class Look {
    now,    ///< inspect it before anything else
    later,  ///< it is one of many: its turn comes
    fresh,  ///< it has not called exec yet: there is nothing to look at
  };
  /// Begins to trace: BPF knows it when this returns.
  Status add(Target target, Look look);
  /// -a: every process that waits in a poll now. How many were added.
  std::size_t add_all_running();
  [[nodiscard]] std::map<std::uint32_t, Target>& targets() { return targets_; }
  [[nodiscard]] std::size_t alive() const;
  void process_ended(std::uint32_t pid);

  /// Takes everything that waits in the ring buffer.
  Status consume();
  /// Looks again at processes whose Python was not ready. When the next one is due; 0: none.
  std::uint64_t look(std::uint64_t now_ns);
  /// To be called now and then.
  void calm(std::uint64_t now_ns) { fine_.calm(now_ns); }
  /// Tells of stalls that go on: at --error, then at doubling intervals.
  void tell_ongoing(std::uint64_t now_ns);
  /// The end of the run: stalls that go on are told of, however short they are over --warn.
  void finish(std::uint64_t now_ns);

  [[nodiscard]] model::Summary summary(std::uint64_t now_ns) const;
  [[nodiscard]] std::uint64_t longest_stall_ns() const { return longest_ns_; }
  [[nodiscard]] std::uint64_t start_ns() const { return start_ns_; }

 private:
  // The wait that a thread was in when aiotrace came: BPF did not see whom it is for.
  struct FoundWait {
    std::uint64_t since_ns = 0;
    std::optional<model::Culprit> culprit;
  };
  struct Loop {
    std::uint32_t pid = 0;
    model::LoopKind kind = model::LoopKind::other;
    std::string thread;
    std::uint64_t told_iteration = ~std::uint64_t{0};
    std::uint64_t tell_at_ns = 0;  // age at which the present iteration is told of next
    bool ended = false;
    bool start_known = false;  // of the iteration that it was in when aiotrace came
    std::optional<FoundWait> found_wait;
    loop_stats last{};  // kept when the thread is gone
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

  Target* target(std::uint32_t pid);
  Target* target_or_new(const model::LoopSeen& event);
  void ignore(std::uint32_t pid, std::uint32_t tid);
  void drop_ended();
  void forget_image(std::uint32_t pid);
  [[nodiscard]] std::uint64_t with_native(const model::EventHead& head, std::uint64_t iteration,
                                          std::uint64_t python_stack);
  void keep_words(model::Sample& sample) const;
  // An event of an iteration: held until the iteration is known to be a stall.
  void place(const model::EventHead& head, std::uint64_t iteration, HeldEvents::Event event);
  void give_held(std::uint32_t tid, std::uint64_t iteration);
  void give(const model::TaskSeen& event) { builder_.add(event); }
  void give(const model::ClassifiedBlock& block) { builder_.add(block); }
  void give(const model::Sample& event);
  [[nodiscard]] std::uint64_t stack_of_wait(const loop_thread& thread);
  Status tell_probe(Target& target);
  void seed(Target& target);
  void attach_uprobes(Target& target);
  void tell(model::Stall stall, bool unfinished);
  void tell_if_ongoing(std::uint32_t tid, Loop& loop, std::uint64_t now_ns, std::uint64_t least_ns);
  [[nodiscard]] std::optional<model::Culprit> culprit_of(const model::Blocked& blocked);
  [[nodiscard]] std::optional<model::Culprit> culprit_of_runnable(const model::Blocked& blocked, bool throttled);

  const Options& options_;
  probe::Probe& probe_;
  Outputs& outputs_;
  std::map<std::uint32_t, Target> targets_;
  CodeStore codes_;
  model::StackStore stacks_;
  model::StallBuilder builder_;
  model::Statistics statistics_;
  SampleClassifier classifier_;
  NativeStacks natives_;
  HeldEvents held_;
  FineSampling fine_;
  std::map<std::uint32_t, Loop> loops_;                               // by tid
  std::unordered_map<std::uint32_t, model::TargetSeen> last_target_;  // by tid
  std::unordered_map<std::uint32_t, model::RunsSeen> last_runs_;      // by tid
  // Something could not be traced: if it is for want of open files, the user has to know.
  void note_untraced();
  std::uint64_t untraced_ = 0;
  void release_fault(std::uint32_t tid, const model::TargetSeen* target);

  // A fault's address is told behind its block: that waits here.
  std::unordered_map<std::uint32_t, model::ClassifiedBlock> faults_;  // by tid
  struct KnownQuota {
    std::uint64_t read_ns = 0;
    std::optional<CpuQuota> quota;
  };
  std::unordered_map<std::uint32_t, KnownQuota> quotas_;  // by tid
  model::LossCounts user_losses_{};
  Filter filter_;
  std::uint64_t next_ongoing_ns_ = 0;
  std::uint64_t start_ns_;
  std::uint64_t longest_ns_ = 0;
};

}  // namespace aiotrace::app

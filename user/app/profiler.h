// From records to a profile: follows all threads of the traced processes.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "app/filter.h"
#include "app/sample_classifier.h"
#include "app/target_set.h"
#include "model/profile.h"
#include "model/profile_run.h"
#include "model/timeline.h"
#include "probe/probe.h"

namespace aiotrace::app {

struct ProfilerConfig {
  model::ProfileMode mode = model::ProfileMode::cpu;
  model::ProfileBy by = model::ProfileBy::none;
  double frequency_hz = 99;  ///< samples in a second on a CPU
  bool all = false;          ///< every Python process of the machine
  Filter filter;             ///< with `all`: only these
  bool timeline = false;     ///< keep what each thread did over time
  bool verbose = false;      ///< report other problems too
};

class Profiler {
 public:
  /// `probe` must outlive it.
  Profiler(ProfilerConfig config, probe::Probe& probe);

  /// Begins to trace.
  Status add(Target target, TargetSet::Look look);
  /// -a: adds Python processes that are not traced yet, if it is time to search for them.
  void add_running(std::uint64_t now_ns);
  [[nodiscard]] TargetSet& targets() { return targets_; }
  /// So far.
  [[nodiscard]] std::uint64_t samples() const { return samples_; }
  [[nodiscard]] std::uint64_t waits() const { return waits_seen_; }
  [[nodiscard]] std::size_t threads() const { return threads_.size(); }
  void process_ended(std::uint32_t pid);

  /// Processes everything in the ring buffer.
  Status consume();
  /// Checks processes again whose Python was not ready. Returns when the next one is due; 0: none.
  std::uint64_t look(std::uint64_t now_ns) { return targets_.look(now_ns); }

  /// Ends the profile that began at `begin_ns`: nothing is traced after it, and present waits and runs count up to now.
  /// To be called once.
  [[nodiscard]] model::ProfileReport finish(std::uint64_t begin_ns);

 private:
  using ThreadId = std::pair<std::uint32_t, std::uint32_t>;  // pid, tid

  void take(std::span<const std::byte> record);
  void on(const model::CodeSeen& event);
  void on(const model::StackSeen& event);
  void on(const model::TaskSeen& event);
  void on(const model::TargetSeen& event);
  void on(const model::Blocked& event);
  void on(const model::Sample& event);
  void on(const model::ProcessExec& event);
  void on(const model::ThreadExit& event);
  void on(const model::ProcessExit& event);
  // A profile does not report loops and native stacks, and does not follow children.
  void on(const model::LoopSeen& /*event*/) {}
  void on(const model::IterationEnd& /*event*/) {}
  void on(const model::ProcessFork& /*event*/) {}
  void on(const model::NativeSeen& /*event*/) {}
  void on(const model::RunsSeen& /*event*/) {}

  void seed(Target& target);
  /// The thread's row in `threads_`, made when it is first met.
  model::ProfileThread& thread(std::uint32_t pid, std::uint32_t tid);
  [[nodiscard]] model::ProfileRow row_of(const model::EventHead& head, std::uint64_t stack_id, bool has_task);
  [[nodiscard]] std::optional<model::Culprit> culprit_of(const model::Blocked& blocked);
  void add_wait(model::ProfileRow row, const model::Blocked& event);
  /// Takes the sums of BPF for a thread that has ended, or for one that has not ended, up to `end_ns`.
  void take_times(std::uint32_t pid, std::uint32_t tid, std::uint64_t end_ns);
  void add_shorter(const model::ProfileThread& thread);

  ProfilerConfig config_;
  probe::Probe& probe_;
  bool waits_;
  TargetSet targets_;
  SampleClassifier classifier_;
  model::Profile profile_;
  std::optional<model::Timeline> timeline_;  // if requested
  std::map<ThreadId, model::ProfileThread> threads_;
  std::map<ThreadId, std::array<std::uint64_t, model::kCauses>> reported_;  // of ProfileThread::cause_ns
  std::unordered_map<std::uint32_t, model::Task> last_task_;                // by tid
  std::unordered_map<std::uint32_t, model::TargetSeen> last_target_;        // by tid
  std::map<std::uint32_t, std::uint64_t> cpu_at_start_;                     // by pid: samples of the whole process
  std::uint64_t cpu_ns_ = 0;                                                // of processes that have ended
  bool cpu_known_ = true;
  model::LossCounts user_losses_{};
  std::uint64_t next_scan_ns_ = 0;
  std::uint64_t samples_ = 0;  // reported by BPF
  std::uint64_t waits_seen_ = 0;
};

}  // namespace aiotrace::app

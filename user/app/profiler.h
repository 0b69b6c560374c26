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

#include "app/code_store.h"
#include "app/filter.h"
#include "app/profile_command.h"
#include "app/sample_classifier.h"
#include "app/target.h"
#include "model/profile.h"
#include "model/timeline.h"
#include "output/profile.h"
#include "probe/probe.h"

namespace aiotrace::app {

class Profiler {
 public:
  /// Both must outlive it.
  Profiler(const ProfileCommandOptions& options, probe::Probe& probe);

  /// Begins to trace. `fresh`: it has not called exec yet.
  Status add(Target target, bool fresh);
  /// -a: Python processes that are not traced yet, if it is time to look for them.
  void add_running(std::uint64_t now_ns);
  [[nodiscard]] std::map<std::uint32_t, Target>& targets() { return targets_; }
  [[nodiscard]] std::size_t alive() const;
  void process_ended(std::uint32_t pid);

  /// Takes everything that waits in the ring buffer.
  Status consume();
  /// Looks again at processes whose Python was not ready. When the next one is due; 0: none.
  std::uint64_t look(std::uint64_t now_ns);

  /// The end of what began at `begin_ns`: what the threads do now counts up to `now_ns`. Once.
  [[nodiscard]] output::ProfileReport finish(std::uint64_t begin_ns, std::uint64_t now_ns);

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
  // Of loops and native stacks nothing is told in a profile, and children are not followed.
  void on(const model::LoopSeen& /*event*/) {}
  void on(const model::IterationEnd& /*event*/) {}
  void on(const model::ProcessFork& /*event*/) {}
  void on(const model::NativeSeen& /*event*/) {}
  void on(const model::RunsSeen& /*event*/) {}

  Target* target(std::uint32_t pid);
  void seed(Target& target);
  /// The thread's row in `threads_`, made when it is first met.
  model::ProfileThread& thread(std::uint32_t pid, std::uint32_t tid);
  [[nodiscard]] model::ProfileRow row_of(const model::EventHead& head, std::uint64_t stack_id, bool has_task);
  [[nodiscard]] std::optional<model::Culprit> culprit_of(const model::Blocked& blocked);
  void add_wait(model::ProfileRow row, const model::Blocked& event);
  /// Takes what BPF has added up of a thread that has ended, or of one that goes on until `end_ns`.
  void take_times(std::uint32_t pid, std::uint32_t tid, std::uint64_t end_ns);
  void add_shorter(const model::ProfileThread& thread);

  const ProfileCommandOptions& options_;
  probe::Probe& probe_;
  bool waits_;
  Filter filter_;
  std::map<std::uint32_t, Target> targets_;
  CodeStore codes_;
  model::StackStore stacks_;
  SampleClassifier classifier_;
  model::Profile profile_;
  std::optional<model::Timeline> timeline_;  // if it is wanted
  std::map<ThreadId, model::ProfileThread> threads_;
  std::map<ThreadId, std::array<std::uint64_t, model::kCauses>> told_;  // of ProfileThread::cause_ns
  std::unordered_map<std::uint32_t, model::Task> last_task_;            // by tid
  std::unordered_map<std::uint32_t, model::TargetSeen> last_target_;    // by tid
  std::map<std::uint32_t, std::uint64_t> cpu_at_start_;                 // by pid: of the whole process
  std::uint64_t cpu_ns_ = 0;                                            // of processes that have ended
  bool cpu_known_ = true;
  model::LossCounts user_losses_{};
  std::uint64_t next_scan_ns_ = 0;
};

}  // namespace aiotrace::app

// Running loops whose polls aiotrace does not see, because they wait in a way that it does not know.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "app/target_set.h"
#include "model/summary.h"
#include "probe/probe.h"
#include "python/running_loops.h"

namespace aiotrace::app {

/// A thread of the process runs a loop according to asyncio, whether its polls are seen or not.
[[nodiscard]] bool runs_asyncio_loop(const Target& target);

class UnseenLoops {
 public:
  /// To be called regularly. Reports a thread that has run the same loop for 3 s without a poll, unless the loop has a
  /// selector of the standard library or is uvloop's, because then its next poll is seen. Takes at most 1 % of the
  /// time, one process per call; processes whose Python cannot be read are left out.
  void look(std::uint64_t now_ns, TargetSet& targets, const probe::Probe& probe);

  /// By pid and tid, at most 100; without those that were seen later.
  [[nodiscard]] std::vector<model::UnseenLoop> all() const;
  /// New findings since the last call, one sentence each.
  [[nodiscard]] std::vector<std::string> take_messages() { return std::exchange(messages_, {}); }

 private:
  struct Candidate {
    std::uint64_t loop = 0;
    std::uint64_t since_ns = 0;
  };
  using Thread = std::pair<std::uint32_t, std::uint32_t>;  // pid and tid

  void look_at(Target& target, const probe::Probe& probe);
  void report(std::uint64_t for_ns, Target& target, const python::RunningLoop& loop);

  std::uint64_t next_ns_ = 0;
  std::uint32_t last_pid_ = 0;
  std::map<std::uint32_t, std::map<std::uint32_t, Candidate>> candidates_;  // by pid and tid
  std::map<Thread, model::UnseenLoop> rows_;
  std::vector<std::string> messages_;
};

}  // namespace aiotrace::app

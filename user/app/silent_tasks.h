// Tasks that wait throughout a run of `awaits --exact`: the probes see only steps, and these tasks make none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "model/awaits.h"
#include "python/tasks.h"

namespace aiotrace::app {

/// Two snapshots of all tasks, one when the run begins and one when it ends.
class SilentTasks {
 public:
  /// `match`: as AwaitSampler has it.
  explicit SilentTasks(std::optional<std::string> match) : match_(std::move(match)) {}

  void begin(const python::TaskSnapshot& snapshot);

  /// Sites of the tasks that are in the same await in both snapshots, one element for each task; without the tasks in
  /// `stepped` (addresses), which the probes know.
  [[nodiscard]] std::vector<model::AwaitSite> end(const python::TaskSnapshot& snapshot,
                                                  const std::unordered_set<std::uint64_t>& stepped) const;
  /// When the first snapshot was taken (CLOCK_MONOTONIC); 0: there was none. The tasks have waited at least since then.
  [[nodiscard]] std::uint64_t since_ns() const { return since_ns_; }

 private:
  struct Await {
    std::uint64_t place = 0;   // equal for the same coroutines at the same lines
    std::uint64_t object = 0;  // the future that it waits for
    bool operator==(const Await&) const = default;
  };
  [[nodiscard]] static Await await_of(const python::Task& task);

  std::optional<std::string> match_;
  std::uint64_t since_ns_ = 0;
  std::unordered_map<std::uint64_t, Await> at_begin_;  // by task
};

}  // namespace aiotrace::app

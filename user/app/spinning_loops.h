// Loops that never wait, and what they call all the time.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "app/target_set.h"
#include "model/summary.h"
#include "probe/probe.h"
#include "proc/page_cache.h"
#include "python/ready_callbacks.h"
#include "python/running_loops.h"

namespace aiotrace::app {

/// None of their iterations is a stall, and all that they do is to come back to their polls: a descriptor that is ready
/// each time, or a callback or task that asks for its next turn at once.
class SpinningLoops {
 public:
  /// To be called every 50 ms or so; takes 2 ms at most, and 1 % of the time. A loop of asyncio or uvloop spins if it
  /// comes back to its poll 1,000 times a second while its thread hardly sleeps, for 2 s; and if nine of ten looks at
  /// its queue, each in another iteration, find the same callback or task in it. A server under full load has different
  /// ones.
  void look(std::uint64_t now_ns, TargetSet& targets, const probe::Probe& probe);

  /// In the order in which they were found, at most 100.
  [[nodiscard]] const std::vector<model::SpinningLoop>& all() const { return rows_; }
  /// What is new since the last call, a sentence each.
  [[nodiscard]] std::vector<std::string> take_messages() { return std::exchange(messages_, {}); }

 private:
  using Thread = std::pair<std::uint32_t, std::uint32_t>;  // pid and tid
  struct Watched {
    std::uint64_t at_ns = 0;
    std::uint64_t iterations = 0;
    std::uint64_t wanted_cpu_ns = 0;  // on a CPU, or waiting for one
    std::uint64_t per_s = 0;          // of a suspect; 0: it waits
    std::size_t row = kNone;
    // Looks at a suspect's queue.
    std::uint64_t last_iteration = 0;
    std::uint64_t looks = 0;
    std::map<std::uint64_t, std::uint64_t> times;  // by what was to be called
  };
  static constexpr std::size_t kNone = ~std::size_t{0};

  void measure(Target& target, std::uint64_t now_ns, const probe::Probe& probe);
  void look_at(Target& target, std::uint32_t tid, Watched& watched, const probe::Probe& probe);
  void report(python::AsyncioReader& reader, const proc::PageCache& pages, Target& target,
              const python::RunningLoop& loop, const python::ReadyCallback& callback, Watched& watched);
  void wait_again(Watched& watched);

  std::uint64_t next_ns_ = 0;
  std::uint32_t last_pid_ = 0;
  Thread last_suspect_{};
  std::map<Thread, Watched> watched_;
  std::vector<model::SpinningLoop> rows_;
  std::vector<std::string> messages_;
};

}  // namespace aiotrace::app

// Loops that never wait, and the callbacks that they call all the time.
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

/// None of their iterations is a stall. They only return to their poll: a descriptor is ready each time, or a callback
/// or task asks at once for its next turn.
class SpinningLoops {
 public:
  /// To be called about every 50 ms; takes at most 2 ms, and 1 % of the time. A loop of asyncio or uvloop spins if, for
  /// 2 s, it returns to its poll 1,000 times a second while its thread hardly sleeps; and if nine of ten looks at its
  /// queue, each in another iteration, find the same callback or task in it. A server under full load has different
  /// callbacks.
  void look(std::uint64_t now_ns, TargetSet& targets, const probe::Probe& probe);

  /// In the order in which they were found, at most 100.
  [[nodiscard]] const std::vector<model::SpinningLoop>& all() const { return rows_; }
  /// New findings since the last call, one sentence each.
  [[nodiscard]] std::vector<std::string> take_messages() { return std::exchange(messages_, {}); }

 private:
  using Thread = std::pair<std::uint32_t, std::uint32_t>;  // pid and tid
  struct Watched {
    std::uint64_t at_ns = 0;
    std::uint64_t iterations = 0;
    std::uint64_t wanted_cpu_ns = 0;  // on a CPU, or waiting for one
    std::uint64_t per_s = 0;          // start of the suspicion; 0: it waits
    std::size_t row = kNone;
    // Reads the queue of a suspect.
    std::uint64_t last_iteration = 0;
    std::uint64_t looks = 0;
    std::map<std::uint64_t, std::uint64_t> times;  // by the callback that was found
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

// The reports at the beginning and at the end of a run. Only data.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/hang.h"
#include "model/leaks.h"
#include "model/losses.h"
#include "model/stall.h"

namespace aiotrace::model {

/// The version of the JSON; each incompatible change increases it.
inline constexpr std::uint32_t kSchema = 1;

struct Target {
  std::uint32_t pid = 0;
  std::string comm;
  std::optional<std::string> python;  ///< "3.11.2"; nullopt: none, or unknown
  std::uint64_t loops = 0;            ///< seen so far
};

/// Reported when every probe is attached.
struct Watching {
  std::uint64_t time_ns = 0;  ///< CLOCK_MONOTONIC
  std::string version;        ///< of aiotrace
  std::string kernel;
  std::uint64_t warn_ns = 0;
  std::uint64_t error_ns = 0;
  std::vector<Target> targets;
  bool all = false;       ///< every loop of the machine, including later ones
  bool starting = false;  ///< the target is a program that is about to be started
};

struct LoopSummary {
  std::uint32_t pid = 0;
  std::uint32_t tid = 0;
  std::string thread;
  LoopKind kind = LoopKind::other;
  std::uint64_t iterations = 0;
  std::uint64_t busy_ns = 0;  ///< inside iterations
  std::uint64_t p50_ns = 0;   ///< of the iterations' durations
  std::uint64_t p99_ns = 0;
  std::uint64_t max_ns = 0;
  std::uint64_t stalls = 0;
  /// Number of iterations in each bucket of model/histogram.h; empty: unknown.
  std::vector<std::uint32_t> buckets = {};
  std::string comm{};  ///< of its process; empty: not known
};

/// Stalled time at one place in the program, whatever caused it there; only causes that come from outside
/// (stands_apart()) are places of their own.
struct Place {
  Cause cause = Cause::other;  ///< the largest cause
  std::string syscall;         ///< system call with most time of this cause; empty: none or unknown
  std::string function;        ///< empty: no Python stack
  std::string file;
  std::uint32_t line = 0;  ///< for a CPU-bound function, the line with most time; 0: unknown
  std::string coroutine;   ///< coroutine of the task, if it was always the same; else empty
  std::string advice;   ///< advice, from the longest segment of its largest cause; one clean line; empty for `others`
  bool others = false;  ///< the sum of all smaller places
  std::uint64_t ns = 0;
  std::uint64_t stalls = 0;  ///< stalls with time at this place
  std::uint64_t max_ns = 0;  ///< largest time in one stall; for `others`: of one place in one stall
  std::array<std::uint64_t, kCauses> cause_ns{};  ///< the sum equals `ns`
  std::string comm{};                             ///< of its process; empty: not known, and of `others`
};

/// The cost of tracing; nothing for values that were not measured.
struct Cost {
  std::optional<std::uint64_t> bpf_ns{};       ///< run time of the BPF programs
  std::optional<std::uint64_t> runs{};         ///< of BPF programs
  std::optional<std::uint64_t> measured_ns{};  ///< time in which both were measured; scaled up to the whole run
  std::optional<std::uint64_t> cpu_ns{};       ///< aiotrace's own CPU time
  std::optional<std::uint64_t> rss_bytes{};    ///< aiotrace's own memory, at most
  /// CPU time of the watched processes meanwhile; with -a of those with a loop.
  std::optional<std::uint64_t> targets_cpu_ns{};
};

/// A thread that runs an asyncio loop of which no poll was seen: so its stalls are unknown.
struct UnseenLoop {
  std::uint32_t pid = 0;
  std::uint32_t tid = 0;
  std::string thread;    ///< Python's name or the comm
  std::string waits_by;  ///< class of its selector, and the system call in which it was found
};

/// A loop whose thread never waits, although none of its iterations is long.
struct SpinningLoop {
  std::uint32_t pid = 0;
  std::uint32_t tid = 0;
  std::string thread{};  ///< Python's name or the comm
  std::uint64_t iterations_per_s = 0;
  std::uint64_t looks = 0;           ///< looks at its queue that found something
  std::uint64_t same = 0;            ///< looks that found this callback or task
  std::optional<Task> task{};        ///< the task that asks for its next turn at once
  std::string callback{};            ///< function that is called without a task; empty: unknown
  std::string file{};                ///< file of the task's innermost own line, or of the function
  std::uint32_t line = 0;            ///< 0: unknown
  std::optional<std::int32_t> fd{};  ///< descriptor whose readiness leads to the call
  bool ended = false;                ///< it waits again, or has ended
};

/// Records of one process that found no room in the ring buffer.
struct LostRecords {
  std::uint32_t pid = 0;
  std::string comm{};  ///< empty: not known
  std::uint64_t records = 0;
};

struct Summary {
  std::uint64_t time_ns = 0;  ///< CLOCK_MONOTONIC
  std::uint64_t elapsed_ns = 0;
  std::uint64_t warn_ns = 0;
  std::uint64_t error_ns = 0;
  std::uint64_t stalls = 0;  ///< each stall counts once
  std::uint64_t errors = 0;  ///< those over error_ns
  std::vector<LoopSummary> loops;
  std::array<std::uint64_t, kCauses> cause_ns{};  ///< the sum equals the stalls' durations
  std::vector<Place> places;                      ///< largest first; add up to the stalls
  LossCounts losses{};
  std::vector<Leak> leaks{};  ///< from the last scan of each process
  std::optional<LeakScan>
      last_leak_scan{};          ///< nullopt: no scan for leaks, or not yet; `unclassified` of all processes
  std::vector<Hang> hangs{};     ///< reported hangs, each as last found
  std::uint64_t hang_looks = 0;  ///< looks for hangs, in all processes
  std::vector<UnseenLoop> unseen_loops{};
  std::vector<SpinningLoop> spinning_loops{};
  std::vector<LostRecords> lost_by{};  ///< most first; of these processes, of the others no record was lost so
  std::uint64_t taken_over = 0;        ///< long waits of threads while another one polled their epoll: no stalls
  Cost cost;
};

}  // namespace aiotrace::model

// What a run of `awaits` reports, from snapshots or exactly. Only data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/awaits.h"
#include "model/exact_awaits.h"
#include "model/task_row.h"
#include "model/weighted_stacks.h"

namespace aiotrace::model {

struct AwaitsHead {
  std::uint64_t time_ns = 0;  ///< CLOCK_MONOTONIC, from when on awaits are counted
  std::string version;        ///< of aiotrace
  std::uint32_t pid = 0;
  std::string comm;
  std::string python;     ///< "3.11.2"
  std::uint64_t top = 0;  ///< sites shown as text; 0: all
};

/// The totals, reported once after the rows.
struct AwaitsSummary {
  std::uint64_t time_ns = 0;  ///< CLOCK_MONOTONIC, at the end
  std::uint64_t elapsed_ns = 0;
  std::uint64_t snapshots = 0;
  std::uint64_t first_ns = 0;    ///< CLOCK_MONOTONIC, the first snapshot
  std::uint64_t watched_ns = 0;  ///< from the first snapshot to the last
  std::uint64_t tasks = 0;       ///< that waited, in the snapshot with most of them
  std::uint64_t loops = 0;       ///< in the snapshot with most of them
  std::uint64_t slow_ns = 0;     ///< an await at least this long is slow
  std::uint64_t unreadable = 0;  ///< tasks that ended while they were read, in all snapshots
  std::uint64_t torn = 0;        ///< snapshots in which tasks may be missing
  std::uint64_t cpu_ns = 0;      ///< of aiotrace
  bool slower = false;           ///< snapshots were taken less often than requested, to keep the budget

  /// The mean time from one snapshot to the next.
  [[nodiscard]] std::uint64_t interval_ns() const { return snapshots > 1 ? watched_ns / (snapshots - 1) : 0; }
  /// Without a snapshot there is no data.
  [[nodiscard]] bool loop_seen() const { return loops != 0 || tasks != 0 || snapshots == 0; }
};

struct AwaitsFound {
  std::vector<AwaitRow> rows;      ///< as AwaitTable::rows() has them
  std::vector<AwaitRow> by_stack;  ///< site.coroutine is the whole await chain, as a folded stack; if it was requested
  std::optional<WeightedStacks> stacks;  ///< the same with their frames
  AwaitsSummary summary;
  WaitsOfSites waits_for;  ///< of `rows`, at the end
};

/// The totals of `--exact`, reported once after the rows.
struct ExactSummary {
  std::uint64_t first_ns = 0;  ///< CLOCK_MONOTONIC: every await that begins after this
  std::uint64_t time_ns = 0;   ///< and ends before this is counted
  std::uint64_t elapsed_ns = 0;
  std::uint64_t slow_ns = 0;
  std::map<std::string, std::uint64_t> losses;
  std::uint64_t traps = 0;     ///< entries and returns of probed functions
  std::uint64_t run_ns = 0;    ///< in BPF
  std::uint64_t cost_ns = 0;   ///< time of the target's threads: run_ns and the traps, by their measured price
  std::uint64_t entry_ns = 0;  ///< mean time of one
  std::uint64_t return_ns = 0;
  double most_share = 0;     ///< share of the time of the thread that pays most
  double max_share = 0;      ///< the allowed share
  bool too_dear = false;     ///< the run ended because of that limit
  std::uint64_t cpu_ns = 0;  ///< of aiotrace
};

struct ExactFound {
  std::vector<ExactAwaitRow> rows;
  std::vector<DelayRow> delays;
  ExactSummary summary;
  bool has_loop = true;  ///< otherwise there is nothing to show as text
};

}  // namespace aiotrace::model

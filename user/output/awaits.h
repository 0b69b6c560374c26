// Await sites as text and as JSON.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/awaits.h"
#include "model/weighted_stacks.h"
#include "output/context.h"
#include "output/sink.h"

namespace aiotrace::output {

/// What is said once, behind the rows.
struct AwaitsSummary {
  std::uint64_t time_ns = 0;  ///< CLOCK_MONOTONIC, at the end
  std::uint64_t elapsed_ns = 0;
  std::uint64_t snapshots = 0;
  std::uint64_t first_ns = 0;    ///< CLOCK_MONOTONIC, the first snapshot
  std::uint64_t watched_ns = 0;  ///< from the first snapshot to the last
  std::uint64_t tasks = 0;       ///< in the largest snapshot
  std::uint64_t slow_ns = 0;     ///< an await at least this long is slow
  std::uint64_t unreadable = 0;  ///< tasks that went while they were read, of all snapshots
  std::uint64_t torn = 0;        ///< snapshots in which tasks may be missing
  std::uint64_t cpu_ns = 0;      ///< of aiotrace
  bool slower = false;           ///< snapshots were taken less often than asked for, to keep the budget

  /// From one snapshot to the next, in the mean.
  [[nodiscard]] std::uint64_t interval_ns() const { return snapshots > 1 ? watched_ns / (snapshots - 1) : 0; }
};

/// A table, `top` rows at most (0: all), and a line about how it came to be.
[[nodiscard]] std::vector<std::string> awaits_text(const std::vector<model::AwaitRow>& rows, std::size_t top,
                                                   const AwaitsSummary& summary, const OutputContext& context);

[[nodiscard]] std::string awaits_watching_json(std::uint32_t pid, const std::string& comm, const std::string& python,
                                               const std::string& version, const OutputContext& context,
                                               std::uint64_t time_ns);
[[nodiscard]] std::string await_row_json(const model::AwaitRow& row, std::uint32_t pid);
[[nodiscard]] std::string awaits_summary_json(const AwaitsSummary& summary, const OutputContext& context);

/// A page: the sites as a table, `stacks` as a flame graph. `title` is the process; `rows` as AwaitTable::rows() has
/// them.
[[nodiscard]] std::string awaits_page(const std::string& title, const std::vector<model::AwaitRow>& rows,
                                      const model::WeightedStacks& stacks, const AwaitsSummary& summary,
                                      const OutputContext& context);

/// For Perfetto: a counter for each of these sites, how many tasks wait there. `comm` is the process's name.
[[nodiscard]] std::string awaits_trace(std::uint32_t pid, const std::string& comm,
                                       const std::vector<model::AwaitCurve>& curves, const AwaitsSummary& summary,
                                       const OutputContext& context);

/// Folded stacks: the rows' coroutines are the stacks, the weights microseconds of waiting.
Status write_folded(const std::vector<model::AwaitRow>& rows, Sink& sink);

}  // namespace aiotrace::output

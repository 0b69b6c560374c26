// What `awaits --exact` found, as text and as JSON.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/exact_awaits.h"
#include "output/context.h"

namespace aiotrace::output {

/// What is said once, behind the rows.
struct ExactSummary {
  std::uint64_t first_ns = 0;  ///< CLOCK_MONOTONIC: every await that begins and ends from here on
  std::uint64_t time_ns = 0;   ///< and up to here is counted
  std::uint64_t elapsed_ns = 0;
  std::uint64_t slow_ns = 0;
  std::map<std::string, std::uint64_t> losses;
  std::uint64_t traps = 0;     ///< entries and returns of probed functions
  std::uint64_t run_ns = 0;    ///< in BPF
  std::uint64_t cost_ns = 0;   ///< of the target's threads: run_ns and the traps, by their measured price
  std::uint64_t entry_ns = 0;  ///< what one took, on average
  std::uint64_t return_ns = 0;
  double most_share = 0;     ///< of the time of the thread that it costs most
  double max_share = 0;      ///< that was allowed
  bool too_dear = false;     ///< ended by that
  std::uint64_t cpu_ns = 0;  ///< of aiotrace
};

[[nodiscard]] std::vector<std::string> exact_awaits_text(const std::vector<model::ExactAwaitRow>& rows,
                                                         const std::vector<model::DelayRow>& delays, std::size_t top,
                                                         const ExactSummary& summary, const OutputContext& context);

/// A page: the sites and the delays as tables. `title` is the process.
[[nodiscard]] std::string exact_awaits_page(const std::string& title, const std::vector<model::ExactAwaitRow>& rows,
                                            const std::vector<model::DelayRow>& delays, const ExactSummary& summary,
                                            const OutputContext& context);

[[nodiscard]] std::string exact_await_json(const model::ExactAwaitRow& row, std::uint32_t pid);
[[nodiscard]] std::string delay_json(const model::DelayRow& row, std::uint32_t pid);
[[nodiscard]] std::string exact_summary_json(const ExactSummary& summary, const OutputContext& context);

}  // namespace aiotrace::output

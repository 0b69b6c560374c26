// Await sites as text and as JSON.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/await_run.h"
#include "model/awaits.h"
#include "model/weighted_stacks.h"
#include "output/context.h"
#include "output/sink.h"

namespace aiotrace::output {

using model::AwaitsSummary;

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

// What `awaits --exact` found, as text and as JSON.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/await_run.h"
#include "model/exact_awaits.h"
#include "output/context.h"

namespace aiotrace::output {

using model::ExactSummary;

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

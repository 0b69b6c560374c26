// Leaks as JSON.
#pragma once

#include <cstdint>
#include <string>

#include "model/leaks.h"
#include "output/context.h"
#include "output/json/values.h"

namespace aiotrace::output {

/// One line of JSON for each.
[[nodiscard]] std::string leak_json(const model::Leak& leak);
[[nodiscard]] std::string leak_scan_json(const model::LeakScan& scan);
[[nodiscard]] std::string leak_summary_json(const model::LeakSummary& summary, std::uint64_t time_ns,
                                            const OutputContext& context);

/// By class: {"never-awaited": 0, …}.
[[nodiscard]] Json leak_counts_json(const model::LeakCounts& counts);

}  // namespace aiotrace::output

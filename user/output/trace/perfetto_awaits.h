// Await sites as a trace for Perfetto.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/await_run.h"
#include "output/context.h"

namespace aiotrace::output {

/// A trace for Perfetto with a counter for each of these sites: how many tasks wait there. `comm` is the process's
/// name.
[[nodiscard]] std::string awaits_trace(std::uint32_t pid, const std::string& comm,
                                       const std::vector<model::AwaitCurve>& curves,
                                       const model::AwaitsSummary& summary, const OutputContext& context);

}  // namespace aiotrace::output

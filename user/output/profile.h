// A profile as text and as JSON.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "model/profile.h"
#include "model/profile_run.h"
#include "model/weighted_stacks.h"
#include "output/context.h"
#include "output/sink.h"

namespace aiotrace::output {

using model::ProfileHead;
using model::ProfileReport;

/// The `top` first functions and waits, 0: all.
[[nodiscard]] std::vector<std::string> profile_text(const ProfileReport& report, std::size_t top,
                                                    const OutputContext& context);

/// A page: causes, functions, waits, threads, and `stacks` as a flame graph.
[[nodiscard]] std::string profile_page(const ProfileReport& report, const model::WeightedStacks& stacks,
                                       const OutputContext& context);

/// The timeline for Perfetto: tracks as perfetto_trace() has them, with every thread's samples and waits in its tasks.
[[nodiscard]] std::string profile_trace(const ProfileReport& report, const OutputContext& context);

[[nodiscard]] std::string profile_watching_json(const ProfileHead& head, const OutputContext& context);
[[nodiscard]] std::string profile_row_json(const model::ProfileRow& row);
[[nodiscard]] std::string profile_summary_json(const ProfileReport& report, const OutputContext& context);

}  // namespace aiotrace::output

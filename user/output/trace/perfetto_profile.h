// A profile as a trace for Perfetto.
#pragma once

#include <string>

#include "model/profile_run.h"
#include "output/context.h"

namespace aiotrace::output {

/// The timeline for Perfetto: tracks as in perfetto_trace(), with the samples and waits of every thread and its tasks.
[[nodiscard]] std::string profile_trace(const model::ProfileReport& report, const OutputContext& context);

}  // namespace aiotrace::output

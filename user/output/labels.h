// One-line names of tasks and culprits for files with pictures. UTF-8, not cleaned.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/stall.h"
#include "model/summary.h"

namespace aiotrace::output {

/// "fetch-17 (handle_request)".
[[nodiscard]] std::string task_label(const model::Task& task);

/// Whom a segment waited for, or what ran: "tcp 10.0.0.5:443", "held by worker (tid 77)", "read /data/x"; empty: not
/// known.
[[nodiscard]] std::string culprit_label(model::Cause cause, const model::Culprit& who);

/// "python3 (pid 1234)", "2 processes", "every loop of the machine".
[[nodiscard]] std::string targets_label(const model::Watching& watching);

/// The same of what a command looked at: "python3 (pid 1234)".
[[nodiscard]] std::string targets_label(const std::vector<model::Target>& targets);

}  // namespace aiotrace::output

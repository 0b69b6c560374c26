// Rows and summary of a list of tasks as JSON, one object a line.
#pragma once

#include <string>

#include "model/task_row.h"
#include "output/context.h"

namespace aiotrace::output {

[[nodiscard]] std::string task_row_json(const model::TaskRow& task);

/// The summary of a run that saw no iterations: their fields are null.
[[nodiscard]] std::string task_summary_json(const model::TaskListSummary& summary, const OutputContext& context);

}  // namespace aiotrace::output

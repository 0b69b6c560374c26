// Await sites as JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "model/await_run.h"
#include "model/task_row.h"
#include "output/context.h"

namespace aiotrace::output {

[[nodiscard]] std::string awaits_watching_json(std::uint32_t pid, const std::string& comm, const std::string& python,
                                               const std::string& version, const OutputContext& context,
                                               std::uint64_t time_ns);
[[nodiscard]] std::string await_row_json(const model::AwaitRow& row, std::uint32_t pid,
                                         const std::optional<model::TaskResource>& waits_for = {});
[[nodiscard]] std::string awaits_summary_json(const model::AwaitsSummary& summary, const OutputContext& context);

}  // namespace aiotrace::output

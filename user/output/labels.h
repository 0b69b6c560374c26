// One-line names of tasks and culprits for files with graphics. UTF-8, not cleaned.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/stall.h"
#include "model/summary.h"

namespace aiotrace::output {

/// "fetch-17 (handle_request)".
[[nodiscard]] std::string task_label(const model::Task& task);

/// The target of a segment's wait, or what ran: "tcp 10.0.0.5:443", "held by worker (tid 77)", "read /data/x"; empty:
/// unknown.
[[nodiscard]] std::string culprit_label(const model::Culprit& culprit);

/// The text in place of the function if no stack is known.
[[nodiscard]] std::string_view no_stack_label(model::Cause cause);

/// The causes of a place, largest first: "network 81 %, python 12 %"; without causes below 1 % of it. Empty: there is
/// only one cause.
[[nodiscard]] std::string place_causes(const model::Place& place);

/// "python3 (pid 1234)", "2 processes", "every loop of the machine".
[[nodiscard]] std::string targets_label(const model::Watching& watching);

/// A single process: "python3 (pid 1234, Python 3.11.2)".
[[nodiscard]] std::string process_label(std::uint32_t pid, const std::string& comm,
                                        const std::optional<std::string>& python);

/// The same for the target of a command.
[[nodiscard]] std::string targets_label(const std::vector<model::Target>& targets);

}  // namespace aiotrace::output

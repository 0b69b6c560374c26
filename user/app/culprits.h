// From what the kernel says of a wait to whom an operator calls.
#pragma once

#include <optional>
#include <string>

#include "model/events.h"
#include "model/stall.h"

namespace aiotrace::app {

/// The culprit of a wait with this cause; nothing if the target shows none. `working_directory` completes a
/// relative path that the program gave; empty: unknown.
[[nodiscard]] std::optional<model::Culprit> culprit_of_target(model::Cause cause, const model::TargetSeen& target,
                                                              const std::string& working_directory);

}  // namespace aiotrace::app

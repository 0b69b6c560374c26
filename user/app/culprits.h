// Turns the kernel's description of a wait into the culprit that an operator needs to know.
#pragma once

#include <optional>
#include <string>

#include "model/events.h"
#include "model/stall.h"

namespace aiotrace::app {

/// The culprit of a wait with this cause; nothing if the target does not show one. `working_directory` completes a
/// relative path that the program gave; empty: unknown.
[[nodiscard]] std::optional<model::Culprit> culprit_of_target(model::Cause cause, const model::TargetSeen& target,
                                                              const std::string& working_directory);

}  // namespace aiotrace::app

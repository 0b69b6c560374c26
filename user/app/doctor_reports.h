// What `aiotrace doctor` looks at.
#pragma once

#include <span>

#include "app/command_need.h"
#include "app/target.h"
#include "model/doctor.h"

namespace aiotrace::app {

/// Tries what this host grants; about 100 ms. `version` is aiotrace's own.
[[nodiscard]] model::HostReport look_at_host(std::span<const CommandNeed> commands);

/// Looks at a process without BPF. What does not work on this host does not work for the process either.
[[nodiscard]] model::ProcessReport look_at_process(Target target, const model::HostReport& host,
                                                   std::span<const CommandNeed> commands);

/// Whether the command works here; "watch" is the one without a name. Null: there is no such command.
[[nodiscard]] const model::Finding* command_of(const std::vector<model::Finding>& commands, std::string_view name);

}  // namespace aiotrace::app

// The checks of `aiotrace doctor`.
#pragma once

#include <span>

#include "app/command_need.h"
#include "app/target.h"
#include "model/doctor.h"

namespace aiotrace::app {

/// Tries the features that this host grants; takes about 100 ms. `version` is aiotrace's own.
[[nodiscard]] model::HostReport look_at_host(std::span<const CommandNeed> commands);

/// Checks a process without BPF. A feature that does not work on this host is reported as not working for the process
/// either.
[[nodiscard]] model::ProcessReport look_at_process(Target target, const model::HostReport& host,
                                                   std::span<const CommandNeed> commands);

/// Whether the command works on this host; "watch" is the command without a name. Null: there is no such command.
[[nodiscard]] const model::Finding* command_of(const std::vector<model::Finding>& commands, std::string_view name);

}  // namespace aiotrace::app

// `aiotrace awaits --exact`: every await, by uprobes on the steps of tasks.
#pragma once

#include "app/awaits_command.h"
#include "app/command_output.h"
#include "app/signals.h"
#include "util/result.h"

namespace aiotrace::app {

Status watch_exactly(const AwaitsOptions& options, const Interrupt& interrupt, CommandOutput& out);

}  // namespace aiotrace::app

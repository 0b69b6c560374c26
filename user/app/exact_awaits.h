// `aiotrace awaits --exact`: every await, by uprobes on the steps of tasks.
#pragma once

#include "app/awaits_command.h"
#include "app/command_output.h"
#include "app/signals.h"
#include "output/file_sink.h"
#include "util/result.h"

namespace aiotrace::app {

/// `html`: where a page goes; null: none is wanted.
Status watch_exactly(const AwaitsOptions& options, const Interrupt& interrupt, output::FileSink* html,
                     CommandOutput& out);

}  // namespace aiotrace::app

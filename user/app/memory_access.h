// Whether this process may read the memory of another process.
#pragma once

#include <optional>
#include <string>

#include "proc/process.h"
#include "util/result.h"

namespace aiotrace::app {

/// An error of kind not_permitted with the process, the reason, and what to do.
[[nodiscard]] Status may_read(const proc::Process& process);

/// The error of a command that reads asyncio's tasks, for a process without tasks and without a loop.
[[nodiscard]] std::unexpected<Error> no_asyncio_loop(const proc::Process& process);

/// Why a user without CAP_SYS_PTRACE may not even read that user's own processes; nothing: the user may.
[[nodiscard]] std::optional<std::string> ptrace_scope_problem();

}  // namespace aiotrace::app

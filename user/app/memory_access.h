// Whether the memory of a process may be read from here.
#pragma once

#include <optional>
#include <string>

#include "proc/process.h"
#include "util/result.h"

namespace aiotrace::app {

/// An error of kind not_permitted that names the process, why not, and what to do.
[[nodiscard]] Status may_read(const proc::Process& process);

/// The error of a command that looks at asyncio's tasks, where there are none and no loop to have them.
[[nodiscard]] std::unexpected<Error> no_asyncio_loop(const proc::Process& process);

/// Why a user without CAP_SYS_PTRACE may not even read the processes of this user; nothing: it may.
[[nodiscard]] std::optional<std::string> ptrace_scope_problem();

}  // namespace aiotrace::app

// Descendants of a watched process.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "app/target.h"

namespace aiotrace::app {

/// The descendants that have an event loop: a thread waits in a poll of an epoll instance now, or the process has an
/// epoll instance that it cannot have inherited.
[[nodiscard]] std::vector<pid_t> children_with_loops(const Target& target);

/// Of the master of a server: "its child process 12 has an event loop". Empty: none has, or it cannot be looked at.
[[nodiscard]] std::string loops_of_children(pid_t pid);

/// Informs whoever asked for a process that runs no asyncio loop, if processes below it have one.
void say_loops_of_children(pid_t pid);

}  // namespace aiotrace::app

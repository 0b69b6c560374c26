// Descendants of a watched process.
#pragma once

#include <cstddef>

#include "app/target.h"

namespace aiotrace::app {

/// The number of descendants that have an event loop: a thread waits in a poll of an epoll instance now, or the process
/// has an epoll instance that it cannot have inherited.
[[nodiscard]] std::size_t children_with_loops(const Target& target);

}  // namespace aiotrace::app

// The processes below one that is watched.
#pragma once

#include <cstddef>

#include "app/target.h"

namespace aiotrace::app {

/// How many processes below it have an event loop: a thread waits in a poll of an epoll instance now, or the process
/// has such an instance that cannot be its parent's.
[[nodiscard]] std::size_t children_with_loops(const Target& target);

}  // namespace aiotrace::app

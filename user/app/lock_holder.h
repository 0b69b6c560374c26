// The holder of the lock that a thread waits for now.
#pragma once

#include <cstdint>
#include <optional>

#include "app/target.h"
#include "model/stall.h"

namespace aiotrace::app {

/// The lock with its name in the program, and the thread that holds it, if known: from the `with` blocks of all Python
/// threads, and from owners that the locks record. Nothing if it is unknown what the thread waits for. The thread may
/// continue during the call, so the caller must check afterwards that it still waits. Takes some milliseconds. `futex`:
/// the address at which it waits.
[[nodiscard]] std::optional<model::LockAt> held_lock(Target& target, std::uint32_t tid, std::uint64_t futex);

}  // namespace aiotrace::app

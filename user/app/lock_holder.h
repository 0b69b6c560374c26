// Who holds the lock that a thread waits for now.
#pragma once

#include <cstdint>
#include <optional>

#include "app/target.h"
#include "model/stall.h"

namespace aiotrace::app {

/// The lock by its name in the program, and the thread that holds it, where one is known: from the blocks of `with` of
/// all Python threads, and from owners that are written down. Nothing if it is not known for what the thread waits. The
/// thread may go on meanwhile: whoever asks looks afterwards whether it still waits. Takes some milliseconds.
/// `futex`: the address that it waits at.
[[nodiscard]] std::optional<model::LockAt> held_lock(Target& target, std::uint32_t tid, std::uint64_t futex);

}  // namespace aiotrace::app

// Whom a thread waits for in a wait that goes on. BPF reports that only at its end, so it is read from outside.
#pragma once

#include <cstdint>
#include <optional>

#include "app/target.h"
#include "model/stall.h"
#include "model/thread_now.h"

namespace aiotrace::app {

/// The culprit of a thread's present wait, for a cause that has one: path, socket, child, holder of the GIL. The thread
/// may go on meanwhile, and a descriptor become another file's: whoever asks looks afterwards whether it still waits.
[[nodiscard]] std::optional<model::Culprit> present_culprit(Target& target, std::uint32_t tid,
                                                            const model::ThreadNow::SwitchOut& present);

}  // namespace aiotrace::app

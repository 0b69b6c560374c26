// The target of a wait that is not over. BPF reports it only at the end of the wait, so it is read from outside.
#pragma once

#include <cstdint>
#include <optional>

#include "app/target.h"
#include "model/stall.h"
#include "model/thread_now.h"

namespace aiotrace::app {

/// The culprit of a thread's present wait, for a cause that has one: path, socket, child, holder of the GIL. The thread
/// may continue during the call, and its descriptor may become another file, so the caller must check afterwards that
/// the thread still waits.
[[nodiscard]] std::optional<model::Culprit> present_culprit(Target& target, std::uint32_t tid,
                                                            const model::ThreadNow::SwitchOut& present);

}  // namespace aiotrace::app

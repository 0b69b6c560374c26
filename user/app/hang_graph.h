// Two looks at who waits for what, made one graph that claims only what both say.
#pragma once

#include <sys/types.h>

#include <unordered_set>

#include "model/wait_graph.h"
#include "python/hang_look.h"

namespace aiotrace::app {

[[nodiscard]] model::HoldHow how_of(python::LookHold::How how);
[[nodiscard]] model::ResourceKind kind_of(const python::LookResource& resource);

/// Parties and resources by their numbers in `second`. A task is steady if it is at the same instructions in both,
/// waits for the same object, and that is proved: its loop's thread is one of `stood_still`, or the queue in which it
/// waits has lost nobody meanwhile. A thread is if it stood still. What holds is closed if both looks say the same.
/// `stood_still`: threads that slept from before the first look until after the second.
[[nodiscard]] model::WaitGraph wait_graph(const python::HangLook& first, const python::HangLook& second,
                                          const std::unordered_set<pid_t>& stood_still);

}  // namespace aiotrace::app

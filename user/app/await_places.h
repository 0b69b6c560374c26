// Where a task waits and for what, in the model's words.
#pragma once

#include <string>

#include "model/stall.h"
#include "python/tasks.h"
#include "python/waits.h"

namespace aiotrace::app {

/// "Queue.get", "task".
[[nodiscard]] std::string text_of(const python::WaitsFor& wait);

/// How well it tells what is awaited, 0 to 2: a task that changes while it is read, or whose await is over, tells less
/// than before or behind.
[[nodiscard]] int clearness(const python::WaitsFor& wait);

[[nodiscard]] model::Frame frame_of(const python::TaskFrame& frame);

}  // namespace aiotrace::app

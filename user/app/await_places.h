// Where a task waits and for what, in the model's words.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "model/stall.h"
#include "python/tasks.h"
#include "python/waits.h"

namespace aiotrace::app {

/// "Queue.get", "task".
[[nodiscard]] std::string text_of(const python::WaitsFor& wait);

/// How clearly it shows what is awaited, 0 to 2: a task that changes while it is read, or whose await is over, shows
/// less than before or after that.
[[nodiscard]] int clearness(const python::WaitsFor& wait);

[[nodiscard]] model::Frame frame_of(const python::TaskFrame& frame);

/// Where it waits: the own frame of its await chain, which must not be empty.
[[nodiscard]] model::Frame own_place(const python::Task& task);

/// It waits inside of a coroutine: it has begun, does not run, and its chain is known.
[[nodiscard]] bool suspended(const python::Task& task);

/// --match: `text` is part of its name, its coroutine, or a function or file of its await chain; all match without one.
[[nodiscard]] bool matches(const python::Task& task, const std::optional<std::string>& text);

/// Of the lines where it stands, whatever task it is.
[[nodiscard]] std::uint64_t hash_of_chain(const python::Task& task);
/// Of the same coroutines at the same lines; `chain` is hash_of_chain().
[[nodiscard]] std::uint64_t hash_of_place(const python::Task& task, std::uint64_t chain);

}  // namespace aiotrace::app

// What tasks wait for by name, who has it, and how much of it there is.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>

#include "model/task_row.h"
#include "proc/memory.h"
#include "proc/process.h"
#include "python/interpreter.h"

namespace aiotrace::app {

/// By task.
using WaitResources = std::unordered_map<std::uint64_t, std::shared_ptr<const model::TaskResource>>;

/// Only what is an object of its own (a lock, a queue, an executor …), at most 256 of them: those for which most wait.
/// Two looks, one right behind the other: a single holder is one that both show. At most 8 holders each, with one
/// frame. Nothing if it takes longer than 5 s.
[[nodiscard]] std::optional<WaitResources> wait_resources(const python::Interpreter& interpreter,
                                                          const proc::Process& process, const proc::Memory& memory);

}  // namespace aiotrace::app

// Tasks that were read, as the model has them.
#pragma once

#include <cstdint>

#include "model/task_row.h"
#include "python/tasks.h"

namespace aiotrace::app {

/// `task` is one of the snapshot's.
[[nodiscard]] model::TaskRow task_row(const python::TaskSnapshot& snapshot, const python::Task& task,
                                      std::uint32_t pid);

}  // namespace aiotrace::app

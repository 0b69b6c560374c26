// What the reader of tasks calls a wait, as the model has it.
#pragma once

#include <cstddef>

#include "model/task_row.h"
#include "python/wait_kind.h"

namespace aiotrace::app {

static_assert(static_cast<std::size_t>(python::WaitKind::async_generator) + 1 == model::kValues<model::TaskWaitKind> &&
              static_cast<int>(python::WaitKind::queue) == static_cast<int>(model::TaskWaitKind::queue));

[[nodiscard]] constexpr model::TaskWaitKind wait_kind(python::WaitKind kind) {
  return static_cast<model::TaskWaitKind>(kind);
}

}  // namespace aiotrace::app

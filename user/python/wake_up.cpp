#include "python/wake_up.h"

namespace aiotrace::python {

std::optional<Future> woken_by(const ObjectReader& reader, std::uint64_t future) {
  const auto waited = future != 0 ? reader.future(future, false) : std::nullopt;
  if (!waited || !waited->pending || waited->callback == 0) return std::nullopt;
  // Modules/_asynciomodule.c, task_step_handle_result_impl(): a TaskWakeupMethWrapper, whose first field is the task
  // (3.8, 3.9), or a PyCFunction, whose second field is (m_self, since 3.10).
  const std::uint64_t head = reader.interpreter().layout.bpf.obj_type + sizeof(std::uint64_t);
  for (const std::uint64_t field : {std::uint64_t{0}, std::uint64_t{8}}) {
    const auto object = reader.memory().pointer(waited->callback + head + field);
    const auto task = object ? reader.future(*object, true) : std::nullopt;
    if (task && task->pending && task->waits_for == future) return task;
  }
  return std::nullopt;
}

}  // namespace aiotrace::python

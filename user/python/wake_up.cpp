#include "python/wake_up.h"

namespace aiotrace::python {

std::optional<FutureFields> woken_by(AsyncioReader& reader, std::uint64_t future) {
  const auto waited = future != 0 ? reader.heap_future(future) : std::nullopt;
  const std::uint64_t callback = waited && waited->pending() ? reader.futures().first_callback(*waited) : 0;
  if (callback == 0) return std::nullopt;
  // Modules/_asynciomodule.c, task_step_handle_result_impl(): a TaskWakeupMethWrapper, whose first field is the task
  // (3.8, 3.9), or a PyCFunction, whose second field is (m_self, since 3.10). Lib/asyncio/tasks.py: a bound method,
  // whose second field is (im_self).
  const std::uint64_t head = reader.interpreter().layout.bpf.obj_type + sizeof(std::uint64_t);
  for (const std::uint64_t field : {std::uint64_t{0}, std::uint64_t{8}}) {
    const auto object = reader.memory().pointer(callback + head + field);
    const auto task = object ? reader.heap_future(*object) : std::nullopt;
    if (task && task->task && task->waiter == future) return task;
  }
  return std::nullopt;
}

}  // namespace aiotrace::python

#include "app/task_rows.h"

#include <string>

#include "app/wait_kinds.h"

namespace aiotrace::app {

model::TaskRow task_row(const python::TaskSnapshot& snapshot, const python::Task& task, std::uint32_t pid) {
  model::TaskRow row;
  row.id = task.object;
  row.pid = pid;
  row.tid = static_cast<std::uint32_t>(task.tid);
  row.name = task.name;
  row.state = task.state == python::TaskState::pending   ? "pending"
              : task.state == python::TaskState::running ? "running"
                                                         : "finished";
  row.coroutine = task.coroutine;
  row.file = task.file;
  row.line = task.line;
  row.stack_cut = task.stack_cut;
  row.stack.reserve(task.stack.size());
  for (const auto& frame : task.stack) {
    row.stack.push_back({.kind = model::Frame::Kind::python,
                         .function = frame.code->function,
                         .file = frame.code->file,
                         .line = frame.line});
  }
  const auto& wait = task.waits_for;
  row.waits_for = {.kind = wait_kind(wait.kind),
                   .call = std::string(wait.call),
                   .tasks = wait.tasks,
                   .left_ns = wait.left_ns,
                   .waiting_ns = wait.waiting_ns,
                   .queue_size = wait.queue_size,
                   .fd = wait.fd,
                   .child_pid = wait.child_pid};
  row.awaited_by.reserve(task.awaited_by.size());
  for (const std::size_t i : task.awaited_by) row.awaited_by.push_back(snapshot.tasks[i].object);
  // When a task was made is written down nowhere; it is at least as old as the sleep that it is in.
  row.age_at_least_ns = wait.waiting_ns;
  return row;
}

}  // namespace aiotrace::app

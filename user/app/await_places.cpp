#include "app/await_places.h"

#include <algorithm>
#include <functional>
#include <string_view>

#include "app/wait_kinds.h"
#include "model/frame_origin.h"
#include "util/hash.h"

namespace aiotrace::app {

std::string text_of(const python::WaitsFor& wait) {
  return std::string(wait.call.empty() ? model::name(wait_kind(wait.kind)) : wait.call);
}

int clearness(const python::WaitsFor& wait) {
  switch (wait.kind) {
    case python::WaitKind::unknown:
    case python::WaitKind::turn: return 0;
    case python::WaitKind::future: return wait.call.empty() ? 1 : 2;
    default: return 2;
  }
}

model::Frame frame_of(const python::TaskFrame& frame) {
  return {.kind = model::Frame::Kind::python,
          .function = frame.code->function,
          .file = frame.code->file,
          .line = frame.line};
}

model::Frame own_place(const python::Task& task) {
  return frame_of(
      *model::find_own(task.stack.begin(), task.stack.end(),
                       [](const python::TaskFrame& frame) -> std::string_view { return frame.code->file; }));
}

bool suspended(const python::Task& task) {
  return task.state == python::TaskState::pending && task.waits_for.kind != python::WaitKind::start &&
         task.waits_for.kind != python::WaitKind::running && !task.stack.empty();
}

bool matches(const python::Task& task, const std::optional<std::string>& text) {
  if (!text) return true;
  if (task.name.contains(*text) || task.coroutine.contains(*text)) return true;
  return std::ranges::any_of(task.stack, [&](const python::TaskFrame& frame) {
    return frame.code->function.contains(*text) || frame.code->file.contains(*text);
  });
}

std::uint64_t hash_of_chain(const python::Task& task) {
  std::size_t hash = 0;
  hash_into(hash, task.coroutine);
  for (const auto& frame : task.stack) {
    hash_into(hash, frame.code_at);
    hash_into(hash, frame.line);
  }
  return hash;
}

std::uint64_t hash_of_place(const python::Task& task, std::uint64_t chain) {
  std::size_t hash = chain;
  for (const auto& frame : task.stack) hash_into(hash, frame.coroutine_at);
  return hash;
}

}  // namespace aiotrace::app

#include "app/await_places.h"

#include <algorithm>
#include <functional>
#include <string_view>

#include "app/wait_kinds.h"
#include "model/frame_origin.h"

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

void mix(std::uint64_t& hash, std::uint64_t value) {
  hash ^= value + 0x9e3779b97f4a7c15 + (hash << 6) + (hash >> 2);
  hash *= 0xff51afd7ed558ccd;
  hash ^= hash >> 33;
}

std::uint64_t hash_of_chain(const python::Task& task) {
  std::uint64_t hash = std::hash<std::string_view>{}(task.coroutine);
  for (const auto& frame : task.stack) {
    mix(hash, frame.code_at);
    mix(hash, frame.line);
  }
  return hash;
}

std::uint64_t hash_of_place(const python::Task& task, std::uint64_t chain) {
  std::uint64_t hash = chain;
  for (const auto& frame : task.stack) mix(hash, frame.coroutine_at);
  return hash;
}

}  // namespace aiotrace::app

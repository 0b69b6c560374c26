#include "python/ready_callbacks.h"

#include <algorithm>
#include <string>

#include "python/containers.h"
#include "python/loops.h"

namespace aiotrace::python {
namespace {

constexpr std::size_t kMostReady = 16;
constexpr std::size_t kMostDescriptors = 16'384;
constexpr std::uint64_t kMostFields = 16;

class Handles {
 public:
  explicit Handles(AsyncioReader& reader)
      : reader_(reader), head_(std::uint64_t{reader.objects().layout().bpf.obj_type} + 8) {}

  // asyncio's Handle has its callback in a slot, uvloop's in a field of its structure: it is the only callable field.
  [[nodiscard]] ReadyCallback read(std::uint64_t handle) {
    ReadyCallback found{.handle = handle};
    const auto type = reader_.objects().type_of(handle);
    const auto size = type ? static_cast<std::uint64_t>(reader_.objects().basicsize(*type).value_or(0)) : 0;
    const auto fields = std::min(size > head_ ? (size - head_) / 8 : 0, kMostFields);
    for (std::uint64_t i = 0; i < fields; ++i) {
      if (const auto value = field(handle, i); value != 0 && take(value, found)) return found;
    }
    return found;
  }

 private:
  [[nodiscard]] std::uint64_t field(std::uint64_t object, std::uint64_t number) const {
    return reader_.memory().pointer(object + head_ + 8 * number).value_or(0);
  }
  [[nodiscard]] bool is_task(std::uint64_t object) { return reader_.futures().kind_of(object) == FutureKind::task; }
  [[nodiscard]] std::uint64_t code_of(std::uint64_t function) {
    const auto at = function + reader_.interpreter().layout.user.function_code;
    return reader_.type_name(function) == "function" ? reader_.memory().pointer(at).value_or(0) : 0;
  }

  [[nodiscard]] bool is_step(std::uint64_t code) {
    const auto info = reader_.codes().find(code);
    return info && info->function.ends_with("__step");
  }

  bool take(std::uint64_t value, ReadyCallback& found) {
    const std::string type = reader_.type_name(value);
    if (type == "function") {
      found.code = code_of(value);
      return true;
    }
    // PyMethodObject: im_func, im_self (Include/cpython/classobject.h). The methods of a task written in Python are
    // __step() and __wakeup().
    if (type == "method") {
      const auto self = field(value, 1), code = code_of(field(value, 0));
      if (!is_task(self)) {
        found.code = code;
        found.self = self;
      } else if (is_step(code)) {
        found.task = self;
      } else {
        found.wakes_task = code != 0;
      }
      return true;
    }
    // Its first field is the task (Modules/_asynciomodule.c). A wake-up is another type, and from 3.9 on a built-in
    // method.
    if (type.ends_with("TaskStepMethWrapper")) {
      if (is_task(field(value, 0))) found.task = field(value, 0);
      return true;
    }
    found.wakes_task = type.ends_with("TaskWakeupMethWrapper") || type == "builtin_function_or_method";
    return found.wakes_task;
  }

  AsyncioReader& reader_;
  std::uint64_t head_;  // bytes of PyObject
};

}  // namespace

std::vector<ReadyCallback> ready_callbacks(AsyncioReader& reader, std::uint64_t loop) {
  const auto fields = read_loop(reader.objects(), loop);
  const auto handles = fields.ready_deque != 0 ? deque_items(reader.objects(), fields.ready_deque, kMostReady)
                                               : std::nullopt;
  std::vector<ReadyCallback> found;
  Handles each(reader);
  for (const auto handle : handles.value_or(std::vector<std::uint64_t>{})) {
    const auto callback = each.read(handle);
    if (callback.task != 0 || callback.code != 0 || callback.wakes_task) found.push_back(callback);
  }
  return found;
}

std::unordered_map<std::uint64_t, int> descriptor_handles(AsyncioReader& reader, std::uint64_t loop) {
  std::unordered_map<std::uint64_t, int> found;
  const auto& objects = reader.objects();
  const auto selector = objects.attribute(loop, "_selector");
  const auto by_fd = selector ? objects.attribute(*selector, "_fd_to_key") : std::nullopt;
  const auto entries = by_fd ? objects.entries(*by_fd, kMostDescriptors) : std::nullopt;
  if (!entries) return found;
  for (const auto& entry : *entries) {
    // SelectorKey is a named tuple of fileobj, fd, events and data (Lib/selectors.py); asyncio's data are the handles
    // of its reader and its writer (Lib/asyncio/selector_events.py, _add_reader()).
    const auto key = tuple_items(objects, entry.value, 4);
    const auto fd = objects.unsigned_int(entry.key);
    if (!key || key->size() != 4 || !fd || *fd > INT32_MAX) continue;
    const auto handles = tuple_items(objects, key->at(3), 2);
    for (const auto handle : handles.value_or(std::vector<std::uint64_t>{}))
      if (!reader.is_none(handle)) found.emplace(handle, static_cast<int>(*fd));
  }
  return found;
}

}  // namespace aiotrace::python

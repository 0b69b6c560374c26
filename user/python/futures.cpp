#include "python/futures.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "python/containers.h"

namespace aiotrace::python {
namespace {

constexpr std::size_t kMaxTypes = 65'536;
constexpr std::size_t kMaxName = 1024;

}  // namespace

FutureReader::FutureReader(const Interpreter& interpreter, const proc::Memory& memory)
    : interpreter_(interpreter),
      objects_(memory, interpreter.layout),
      bpf_(interpreter.layout.bpf),
      user_(interpreter.layout.user) {
  const auto modules = memory.pointer(interpreter.main_interpreter + user_.interp_modules);
  if (!modules || !interpreter.asyncio_loaded) return;
  const auto dict_of = [&](std::string_view name) -> std::uint64_t {
    const auto module = objects_.find(*modules, name);
    return module ? objects_.module_dict(*module).value_or(0) : 0;
  };
  tasks_module_ = dict_of("asyncio.tasks");
  const auto class_in = [&](std::uint64_t dict, std::string_view name) {
    return dict != 0 ? objects_.find(dict, name).value_or(0) : 0;
  };
  // Both modules keep their own class under this name when _asyncio's class replaces it.
  classes_.python_task = class_in(tasks_module_, "_PyTask");
  classes_.python_future = class_in(dict_of("asyncio.futures"), "_PyFuture");
  // Not found by the modules' _CTask and _CFuture, because nest_asyncio sets these to the classes written in Python.
  const std::uint64_t c = dict_of("_asyncio");
  classes_.c_task = class_in(c, "Task");
  classes_.c_future = class_in(c, "Future");
  if (classes_.c_task == 0) return;
  if (const auto size = objects_.basicsize(classes_.c_task); size != static_cast<std::int64_t>(bpf_.task_size)) {
    problem_ = fmt::format("_asyncio.Task has {} bytes, known are {}", size.value_or(0), bpf_.task_size);
    classes_.c_task = classes_.c_future = 0;
  }
}

FutureReader::Class FutureReader::by_base(std::uint64_t base) const {
  if (base == 0) return {};
  if (base == classes_.c_task) return {.kind = FutureKind::task, .in_python = false};
  if (base == classes_.python_task) return {.kind = FutureKind::task, .in_python = true};
  if (base == classes_.c_future) return {.kind = FutureKind::future, .in_python = false};
  if (base == classes_.python_future) return {.kind = FutureKind::future, .in_python = true};
  return {};
}

// tp_mro has a class and all its bases: the first base of a class written in Python may be a mixin.
FutureReader::Class FutureReader::classify(std::uint64_t type) const {
  constexpr std::size_t kMaxBases = 64;
  if (const Class its = by_base(type); its.kind != FutureKind::none) return its;
  const auto mro = objects_.memory().pointer(type + user_.type_mro);
  if (!mro || length_of(objects_, *mro).value_or(kMaxBases) >= kMaxBases) return {};
  const auto bases = tuple_items(objects_, *mro);
  if (!bases) return {};
  for (const std::uint64_t base : *bases) {
    if (const Class its = by_base(base); its.kind != FutureKind::none) return its;
  }
  return {};
}

FutureReader::Class FutureReader::class_of(std::uint64_t object) {
  const auto type = objects_.type_of(object);
  if (!type) return {};
  const auto known = known_.find(*type);
  if (known != known_.end()) return known->second;
  if (known_.size() >= kMaxTypes) known_.clear();
  return known_.emplace(*type, classify(*type)).first->second;
}

FutureKind FutureReader::kind_of(std::uint64_t object) { return class_of(object).kind; }

std::optional<FutureFields> FutureReader::read(std::uint64_t object) {
  const Class its = class_of(object);
  if (its.kind == FutureKind::none) return std::nullopt;
  const bool task = its.kind == FutureKind::task;
  return its.in_python ? read_python(object, task) : read_c(object, task);
}

std::optional<FutureFields> FutureReader::read_c(std::uint64_t object, bool task) const {
  // A task begins with the fields of a future; the last one that is read here is task_log_tb.
  std::array<std::byte, 256> bytes{};
  const std::size_t size = task ? bpf_.task_size : user_.task_log_tb + 1;
  if (size > bytes.size() || !objects_.memory().read(object, std::span(bytes).first(size))) return std::nullopt;
  const auto word = [&](std::uint32_t offset) {
    std::uint64_t value = 0;
    if (offset + sizeof value <= size) std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
  };
  std::uint32_t state = 0;
  std::memcpy(&state, bytes.data() + user_.task_state, sizeof state);
  if (state > 2) return std::nullopt;
  FutureFields found;
  found.object = object;
  found.task = task;
  found.state = static_cast<FutureState>(state);
  found.loop = word(user_.task_loop);
  if (found.loop == 0) return std::nullopt;  // before __init__
  found.exception = word(user_.task_exception);
  found.exception_unread = found.state == FutureState::finished && found.exception != 0 &&
                           (bytes[user_.task_log_tb] & std::byte{1}) != std::byte{0};
  if (!task) return found;
  found.coroutine = word(bpf_.task_coro);
  if (found.pending()) found.waiter = word(user_.task_waiter);
  found.name = word(bpf_.task_name);
  return found;
}

std::optional<FutureFields> FutureReader::read_python(std::uint64_t object, bool task) const {
  const auto is_none = [&](std::uint64_t value) {
    const auto type = objects_.type_of(value);
    return type && objects_.type_name(*type) == "NoneType";
  };
  const auto attribute = [&](std::string_view name) {
    const std::uint64_t value = objects_.attribute(object, name).value_or(0);
    return value != 0 && is_none(value) ? 0 : value;
  };
  FutureFields found{.object = object, .task = task, .in_python = true};
  // These are class attributes until they are set: a pending future has no _state of its own.
  if (const std::uint64_t state = attribute("_state"); state != 0) {
    const auto text = objects_.text(state, 16);
    if (text == "FINISHED")
      found.state = FutureState::finished;
    else if (text == "CANCELLED")
      found.state = FutureState::cancelled;
    else if (text != "PENDING")
      return std::nullopt;
  }
  found.loop = attribute("_loop");
  if (found.loop == 0) return std::nullopt;
  found.exception = attribute("_exception");
  const std::uint64_t log = attribute("_Future__log_traceback");
  found.exception_unread = found.state == FutureState::finished && found.exception != 0 && log != 0 &&
                           objects_.unsigned_int(log).value_or(0) == 1;
  if (!task) return found;
  found.coroutine = attribute("_coro");
  if (found.pending()) found.waiter = attribute("_fut_waiter");
  found.name = attribute("_name");
  return found;
}

std::optional<std::string> FutureReader::name_of(const FutureFields& task) const {
  if (task.name == 0) return std::nullopt;
  if (interpreter_.version_hex >= 0x030c0000) {
    // A task without a name of its own holds its number until the program asks for the name.
    const auto type = objects_.type_of(task.name);
    if (type && objects_.type_name(*type) == "int") {
      const auto number = objects_.unsigned_int(task.name);
      return number ? std::optional("Task-" + std::to_string(*number)) : std::nullopt;
    }
  }
  return objects_.text(task.name, kMaxName);
}

std::vector<std::uint64_t> FutureReader::awaited_by(const FutureFields& future) const {
  if (future.in_python || user_.task_awaited_by == kNoOffset || user_.task_awaited_by_is_set == kNoOffset) return {};
  const auto& memory = objects_.memory();
  const auto who = memory.pointer(future.object + user_.task_awaited_by);
  const auto is_set = memory.read<std::uint8_t>(future.object + user_.task_awaited_by_is_set);
  if (!who || !is_set) return {};
  if (*is_set == 0) return {*who};
  return set_items(objects_, *who).value_or(std::vector<std::uint64_t>{});
}

std::vector<Objects::Entry> FutureReader::current_tasks() const {
  const std::uint64_t dict = interpreter_.current_tasks != 0
                                 ? interpreter_.current_tasks
                                 : objects_.find(tasks_module_, "_current_tasks").value_or(0);
  return objects_.entries(dict).value_or(std::vector<Objects::Entry>{});
}

std::uint64_t FutureReader::first_callback(const FutureFields& future) const {
  if (future.in_python) {
    const auto callbacks = objects_.attribute(future.object, "_callbacks");
    const auto items = callbacks ? list_items(objects_, *callbacks, 1) : std::nullopt;
    const auto first = items && !items->empty() ? tuple_items(objects_, items->front(), 1) : std::nullopt;
    return first && !first->empty() ? first->front() : 0;
  }
  return objects_.memory().read<std::uint64_t>(future.object + user_.task_callback).value_or(0);
}

}  // namespace aiotrace::python

#include "python/steps.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "python/code_cache.h"
#include "python/containers.h"
#include "python/objects.h"
#include "python/symbol.h"

namespace aiotrace::python {
namespace {

// PyTypeObject (Include/cpython/object.h), 3.8 to 3.15: from tp_name to other slots.
constexpr std::uint64_t kAsAsync = 56;
constexpr std::uint64_t kMethods = 208;
constexpr std::uint64_t kInit = 272;
constexpr std::uint64_t kAmSend = 24;  // PyAsyncMethods, 3.10+

constexpr std::uint32_t kPython310 = 0x030a0000;
constexpr std::uint32_t kPython312 = 0x030c0000;

struct MethodDef {  // PyMethodDef (Include/methodobject.h)
  std::uint64_t name;
  std::uint64_t function;
  std::uint64_t flags;
  std::uint64_t doc;
};

class Slots {
 public:
  Slots(const Interpreter& interpreter, const proc::Maps& maps, const proc::Memory& memory)
      : layout_(interpreter.layout), maps_(maps), memory_(memory) {}

  /// 0 if it is no code.
  [[nodiscard]] std::uint64_t code(std::optional<std::uint64_t> address) const {
    const auto* mapping = address ? maps_.find(*address) : nullptr;
    return mapping != nullptr && mapping->executable && mapping->inode != 0 ? *address : 0;
  }
  [[nodiscard]] std::uint64_t slot(std::uint64_t type, std::uint64_t offset) const {
    return code(memory_.pointer(type + layout_.user.type_name + offset));
  }
  [[nodiscard]] std::uint64_t am_send(std::uint64_t type) const {
    const auto methods = memory_.pointer(type + layout_.user.type_name + kAsAsync);
    return methods ? code(memory_.pointer(*methods + kAmSend)) : 0;
  }
  [[nodiscard]] std::uint64_t method(std::uint64_t type, std::string_view name) const {
    constexpr unsigned kMost = 64;
    const auto methods = memory_.pointer(type + layout_.user.type_name + kMethods);
    for (unsigned i = 0; methods && i < kMost; i++) {
      const auto def = memory_.read<MethodDef>(*methods + i * sizeof(MethodDef));
      if (!def || def->name == 0) return 0;
      std::array<char, 32> text{};
      if (name.size() + 1 > text.size()) return 0;
      if (!memory_.read(def->name, std::as_writable_bytes(std::span(text).first(name.size() + 1)))) continue;
      if (name == text.data()) return code(def->function);
    }
    return 0;
  }

 private:
  const Layout& layout_;
  const proc::Maps& maps_;
  const proc::Memory& memory_;
};

std::optional<std::uint64_t> asyncio_module(const Interpreter& interpreter, const Objects& objects,
                                            std::string_view module) {
  const auto modules = objects.memory().pointer(interpreter.main_interpreter + interpreter.layout.user.interp_modules);
  const auto found = modules ? objects.find(*modules, module) : std::nullopt;
  return found ? objects.module_dict(*found) : std::nullopt;
}

void set_sleep(step_config& config, const Interpreter& interpreter, const proc::Memory& memory) {
  const Objects objects(memory, interpreter.layout);
  const auto tasks = asyncio_module(interpreter, objects, "asyncio.tasks");
  const auto events = asyncio_module(interpreter, objects, "asyncio.events");
  if (!tasks || !events) return;
  const auto sleep = objects.find(*tasks, "sleep");
  const auto timer = objects.find(*events, "TimerHandle");
  if (!sleep || !timer) return;
  const auto type = objects.type_of(*sleep);
  if (!type || objects.type_name(*type) != "function") return;
  const auto code = memory.pointer(*sleep + interpreter.layout.user.function_code);
  const auto when = slot_offset(objects, *timer, "_when");
  CodeCache codes(memory, interpreter.layout);
  const auto info = code ? codes.find(*code) : nullptr;
  if (!when || info == nullptr) return;
  const auto variable = std::ranges::find(info->locals, "h");
  if (variable == info->locals.end()) return;
  config.sleep_code = *code;
  config.sleep_timer = static_cast<std::uint32_t>(variable - info->locals.begin());
  config.timer_type = *timer;
  config.timer_when = *when;
}

}  // namespace

Result<StepFunctions> find_step_functions(const Interpreter& interpreter, const proc::Process& process,
                                          const proc::Maps& maps, const proc::Memory& memory) {
  const std::string what = "awaits --exact of process " + std::to_string(process.pid());
  const auto unsupported = [&](const std::string& why) { return fail(what, why, {}, ErrorKind::unsupported); };
  if (!interpreter.asyncio_loaded) return unsupported("it has not imported asyncio");
  if (!interpreter.c_tasks) return unsupported(interpreter.note);
  if (interpreter.coro_type == 0) return unsupported("its PyCoro_Type was not found");
  const Slots slots(interpreter, maps, memory);
  StepFunctions found;
  const bool has_am_send = interpreter.version_hex >= kPython310;
  found.send = slots.code(symbol_address(interpreter, process, maps, has_am_send ? "PyIter_Send" : "_PyGen_Send"));
  // Second choice, because a profile-guided build inlines the slot's function into PyIter_Send (Debian's does).
  if (found.send == 0 && has_am_send) found.send = slots.am_send(interpreter.coro_type);
  if (found.send == 0) return unsupported("the function that resumes its coroutines was not found");
  found.raise = slots.method(interpreter.coro_type, "throw");
  if (found.raise == 0) return unsupported("the function that throws into its coroutines was not found");

  const Objects objects(memory, interpreter.layout);
  const auto tasks = asyncio_module(interpreter, objects, "asyncio.tasks");
  const auto futures = asyncio_module(interpreter, objects, "asyncio.futures");
  const auto task = tasks ? objects.find(*tasks, "Task") : std::nullopt;
  const auto future = futures ? objects.find(*futures, "Future") : std::nullopt;
  if (!task || !future || objects.type_name(*future) != "_asyncio.Future") return found;
  for (const char* name : {"set_result", "set_exception", "cancel"}) {
    if (const auto address = slots.method(*future, name)) found.done.push_back(address);
  }
  found.task_made = slots.slot(*task, kInit);
  return found;
}

step_config step_config_of(const Interpreter& interpreter, const proc::Process& process, const proc::Maps& maps,
                           const proc::Memory& memory) {
  const UserLayout& user = interpreter.layout.user;
  step_config config{};
  config.pid = static_cast<std::uint32_t>(process.pid());
  config.send_gives_object = interpreter.version_hex < kPython310 ? 1 : 0;
  config.coro_type = interpreter.coro_type;
  config.gen_type = interpreter.gen_type;
  config.async_gen_type = interpreter.async_gen_type;
  config.none = symbol_address(interpreter, process, maps, "_Py_NoneStruct").value_or(0);
  config.timer_when = kNoOffset;
  config.float_value = user.float_value;
  config.nested_sends = interpreter.version_hex < kPython312 ? 1 : 0;
  config.coro_frame = user.coro_frame;
  config.coro_code = user.coro_code;
  config.coro_state = user.coro_state;
  config.code_code = user.code_code;
  config.frame_stacktop = user.frame_stacktop;
  config.frame_valuestack = user.frame_valuestack;
  config.type_basicsize = user.type_basicsize;
  config.type_flags = user.type_flags;
  config.unicode_kind_shift = user.unicode_kind_shift;
  config.unicode_compact_bit = user.unicode_compact_bit;
  config.unicode_ascii_bit = user.unicode_ascii_bit;
  config.layout = interpreter.layout.bpf;
  set_sleep(config, interpreter, memory);
  return config;
}

}  // namespace aiotrace::python

#include "python/asyncio_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "python/debug_offsets.h"
#include "python/objects.h"
#include "python/runtime_image.h"

namespace aiotrace::python {
namespace {

constexpr std::uint64_t kDictSubclass = 1u << 29;  // Py_TPFLAGS_DICT_SUBCLASS

bool is_dict(const Objects& objects, std::uint64_t object) {
  const auto type = objects.type_of(object);
  const auto flags = type ? objects.memory().read<std::uint64_t>(*type + objects.layout().user.type_flags)
                          : std::nullopt;
  return flags && (*flags & kDictSubclass);
}

void leave_out_names(Interpreter& interpreter, std::string why) {
  interpreter.c_tasks = false;
  interpreter.note = std::move(why);
}

/// Before bpo-45924 a task of 3.10 had no exception_tb, and its layout was exactly that of 3.9.
void use_older_task(Layout& layout, const Layout& older) {
  layout.bpf.task_coro = older.bpf.task_coro;
  layout.bpf.task_name = older.bpf.task_name;
  layout.bpf.task_size = older.bpf.task_size;
  layout.user.task_state = older.user.task_state;
  layout.user.task_waiter = older.user.task_waiter;
  layout.user.task_result = older.user.task_result;
  layout.user.task_log_tb = older.user.task_log_tb;
}

/// The size of _asyncio.Task distinguishes the layouts within a minor version; a task with an unknown size is not read.
/// `c_task`: that class; `used`: the class that the program has as asyncio.Task.
void check_task_type(Interpreter& interpreter, const Objects& objects, std::uint64_t c_task, std::uint64_t used) {
  if (c_task == 0 || objects.type_name(c_task) != "_asyncio.Task") {
    leave_out_names(interpreter, "the module _asyncio is not there: task names are not read");
    return;
  }
  const auto size = objects.basicsize(c_task).value_or(0);
  const Layout* older = interpreter.version_hex >> 16 == 0x030a ? layout_for(0x03090000) : nullptr;
  if (older != nullptr && size == static_cast<std::int64_t>(older->bpf.task_size)) {
    use_older_task(interpreter.layout, *older);
  } else if (size != static_cast<std::int64_t>(interpreter.layout.bpf.task_size)) {
    leave_out_names(interpreter, fmt::format("_asyncio.Task has {} bytes, known are {}: task names are not read", size,
                                             interpreter.layout.bpf.task_size));
    return;
  }
  if (used != c_task) leave_out_names(interpreter, "tasks are not asyncio's C tasks: stalls do not name them");
}

void look_at_asyncio_debug(Interpreter& interpreter, const proc::Process& process, const proc::Maps& maps,
                           const proc::Memory& memory) {
  if (interpreter.asyncio_debug == 0) {
    for (const proc::Mapping& mapping : maps.all()) {
      if (!mapping.executable || !mapping.file_name().starts_with("_asyncio.")) continue;
      interpreter.asyncio_debug = section_address(process, maps, mapping, kAsyncioDebugSection);
      break;
    }
  }
  if (interpreter.asyncio_debug == 0) {
    // No such section was found: asyncio is not loaded yet, or the file lost its section names. The table is only valid
    // for its own release and later ones (3.14.0 to 3.14.4 had other offsets).
    const Layout* table = layout_for(interpreter.version_hex, interpreter.free_threaded);
    const bool true_here = interpreter.asyncio_loaded && table->bpf.version <= interpreter.version_hex;
    interpreter.layout.bpf.ts_running_task = true_here ? table->bpf.ts_running_task : kNoOffset;
    return;
  }
  std::array<std::byte, kAsyncioDebugSize> section{};
  if (!memory.read(interpreter.asyncio_debug, section)) return;
  if (const auto applied = apply_asyncio_debug(section, interpreter.layout); !applied) {
    interpreter.layout.bpf.ts_running_task = kNoOffset;
    leave_out_names(interpreter, applied.error().message() + ": task names are not read");
  }
}

}  // namespace

void look_at_asyncio(Interpreter& interpreter, const proc::Process& process, const proc::Maps& maps,
                     const proc::Memory& memory) {
  interpreter.uvloop = std::ranges::any_of(maps.all(), [](const proc::Mapping& mapping) {
    return mapping.executable && mapping.path.find("/uvloop/loop.") != std::string::npos;
  });
  if (interpreter.asyncio_loaded) return;
  const bool published = interpreter.version_hex >= 0x030e0000;
  if (published) look_at_asyncio_debug(interpreter, process, maps, memory);

  const Objects objects(memory, interpreter.layout);
  const auto modules = memory.pointer(interpreter.main_interpreter + interpreter.layout.user.interp_modules);
  // asyncio/__init__.py imports unix_events last. During the import of asyncio.tasks its names still refer to the
  // Python classes and dicts, which those of _asyncio replace later.
  if (!modules || !objects.find(*modules, "asyncio.unix_events")) return;
  const auto tasks = objects.find(*modules, "asyncio.tasks");
  const auto dict = tasks ? objects.module_dict(*tasks) : std::nullopt;
  if (!dict) return;
  if (!published) {
    const auto current = objects.find(*dict, "_current_tasks");
    if (!current || !is_dict(objects, *current)) return;
    interpreter.current_tasks = *current;
  }
  interpreter.asyncio_loaded = true;
  if (published) look_at_asyncio_debug(interpreter, process, maps, memory);
  const auto c_module = objects.find(*modules, "_asyncio");
  const auto c_names = c_module ? objects.module_dict(*c_module) : std::nullopt;
  const auto c_task = c_names ? objects.find(*c_names, "Task") : std::nullopt;
  check_task_type(interpreter, objects, c_task.value_or(0), objects.find(*dict, "Task").value_or(0));
}

}  // namespace aiotrace::python

#include "python/interpreter.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <optional>
#include <string_view>
#include <vector>

#include "proc/page_cache.h"
#include "python/asyncio_state.h"
#include "python/debug_offsets.h"
#include "python/greenlets.h"
#include "python/objects.h"
#include "python/runtime_image.h"
#include "util/sudo_command.h"

namespace aiotrace::python {
namespace {

constexpr unsigned kMaxInterpreters = 256;
constexpr std::string_view kSupported = "supported are 3.8 to 3.15 with the GIL, and 3.13 without";

std::unexpected<InspectError> give_up(NoPython why, const proc::Process& process, std::string reason,
                                      std::string hint = {}) {
  const bool unsupported = why == NoPython::unknown || why == NoPython::not_python;
  InspectError error;
  error.kind = unsupported ? ErrorKind::unsupported : ErrorKind::failure;
  error.what = fmt::format("Python of process {}", process.pid());
  error.reason = std::move(reason);
  error.hint = std::move(hint);
  error.why = why;
  return std::unexpected(std::move(error));
}

/// "3.11" of "libpython3.11.so.1.0" or "python3.11" as the upper half of a PY_VERSION_HEX.
std::optional<std::uint32_t> version_from_name(std::string_view name) {
  const std::size_t at = name.find("python");
  if (at == std::string_view::npos) return std::nullopt;
  name.remove_prefix(at + 6);
  unsigned numbers[2] = {0, 0};
  for (unsigned part = 0; part < 2; ++part) {
    std::size_t digits = 0;
    while (digits < name.size() && digits < 3 && name[digits] >= '0' && name[digits] <= '9') {
      numbers[part] = numbers[part] * 10 + static_cast<unsigned>(name[digits++] - '0');
    }
    if (digits == 0) return std::nullopt;
    name.remove_prefix(digits);
    if (part == 0) {
      if (!name.starts_with('.')) return std::nullopt;
      name.remove_prefix(1);
    }
  }
  return numbers[0] << 24 | numbers[1] << 16;
}

/// Properties that the target's interpreter states and types must have if the layout is correct.
class Check {
 public:
  Check(const proc::Memory& memory, const RuntimeImage& image, const Layout& layout)
      : memory_(memory), image_(image), layout_(layout), objects_(memory, layout) {}

  /// The main interpreter, the last of the list; 0 when the list is empty or no such list.
  [[nodiscard]] std::uint64_t main_interpreter() const {
    std::uint64_t last = 0;
    auto next = memory_.read<std::uint64_t>(image_.runtime + layout_.user.runtime_interpreters_head);
    for (unsigned i = 0; next && *next != 0; ++i) {
      if (i == kMaxInterpreters) return 0;
      last = *next;
      next = memory_.read<std::uint64_t>(last + layout_.bpf.interp_next);
    }
    return next ? last : 0;
  }

  [[nodiscard]] bool initialized() const {
    return memory_.read<std::int32_t>(image_.runtime + layout_.user.runtime_initialized) == 1;
  }

  /// Empty, or the difference from the layout.
  [[nodiscard]] std::string problem(std::uint64_t interpreter, const proc::Maps& maps) const {
    if (memory_.read<std::int64_t>(interpreter + layout_.user.interp_id) != 0)
      return "the first interpreter has no id 0";
    auto thread = memory_.pointer(interpreter + layout_.bpf.interp_threads_head);
    if (!thread) return "the interpreter has no thread";
    // pthread_self() is the address of the thread's control block, which is in writable memory. New threads come first
    // in the list: a thread that has not begun has no id yet (3.12+), and its id is in no mapping if the thread began
    // after the map was read.
    constexpr unsigned kMaxTries = 64;
    bool identified = false;
    for (unsigned i = 0; thread && i < kMaxTries && !identified; ++i) {
      if (memory_.read<std::uint64_t>(*thread + layout_.bpf.ts_interp) != interpreter) {
        if (i == 0) return "a thread does not belong to its interpreter";
        break;  // it has just ended
      }
      const auto id = memory_.read<std::uint64_t>(*thread + layout_.bpf.ts_thread_id);
      const proc::Mapping* mapping = id ? maps.find(*id) : nullptr;
      identified = mapping != nullptr && mapping->writable;
      thread = memory_.pointer(*thread + layout_.bpf.ts_next);
    }
    if (!identified) return "a thread has no thread id";
    if (const auto text = type_problem(image_.code_type, "code", layout_.user.code_size); !text.empty()) return text;
    return type_problem(image_.coro_type, "coroutine", layout_.user.coro_size);
  }

  /// "3.8.18" of "3.8.18 (default, ...)", the beginning of sys.version; empty when it cannot be read.
  [[nodiscard]] std::string version(std::uint64_t interpreter) const {
    const auto sys = memory_.pointer(interpreter + layout_.user.interp_sysdict);
    const auto object = sys ? objects_.find(*sys, "version") : std::nullopt;
    const auto text = object ? objects_.text(*object, 32) : std::nullopt;
    if (!text) return {};
    return text->substr(0, text->find_first_not_of("0123456789.abrc"));
  }

 private:
  [[nodiscard]] std::string type_problem(std::uint64_t type, std::string_view name, std::uint32_t size) const {
    if (type == 0) return {};  // a file without symbols
    if (image_.type_type != 0 && objects_.type_of(type) != image_.type_type) return fmt::format("{} is no type", name);
    if (objects_.type_name(type) != name) return fmt::format("the type {} has another name", name);
    if (objects_.basicsize(type) != size) {
      return fmt::format("a {} object has {} bytes, known are {}", name, objects_.basicsize(type).value_or(0), size);
    }
    return {};
  }

  const proc::Memory& memory_;
  const RuntimeImage& image_;
  const Layout& layout_;
  Objects objects_;
};

/// The version that the target states; 0 if it states none.
std::uint32_t stated_version(const proc::Memory& memory, const RuntimeImage& image,
                             const std::optional<DebugHeader>& header) {
  if (header) return header->version_hex;
  if (image.version != 0) return memory.read<std::uint32_t>(image.version).value_or(0);
  if (const auto version = version_from_name(image.name)) return *version;
  return version_from_name(std::string_view(image.path).substr(image.path.rfind('/') + 1)).value_or(0);
}

/// Before 3.11 a renamed program states no version: finds the table for which every check succeeds and whose version
/// equals sys.version.
std::uint32_t tried_version(const proc::Memory& memory, const proc::Maps& maps, const RuntimeImage& image) {
  for (const Layout& layout : known_layouts()) {
    if (layout.bpf.version >= 0x030b0000) break;
    const Check check(memory, image, layout);
    const std::uint64_t main = check.initialized() ? check.main_interpreter() : 0;
    if (main == 0 || !check.problem(main, maps).empty()) continue;
    if (check.version(main).starts_with(fmt::format("3.{}.", layout.bpf.version >> 16 & 0xff))) {
      return layout.bpf.version & 0xffff0000;
    }
  }
  return 0;
}

/// PY_VERSION_HEX of "3.8.18"; missing parts stay as they are in `version`.
std::uint32_t with_patch_level(std::uint32_t version, std::string_view text) {
  const std::size_t dot = text.find_last_of('.');
  if (dot == std::string_view::npos || text.find('.') == dot) return version;
  unsigned patch = 0;
  for (const char c : text.substr(dot + 1)) {
    if (c < '0' || c > '9' || patch > 99) return version;
    patch = patch * 10 + static_cast<unsigned>(c - '0');
  }
  return (version & 0xffff0000) | patch << 8 | 0xf0;
}

/// Repeats only if modules were imported since.
void look_at_libraries(Interpreter& interpreter, const proc::Memory& memory) {
  const auto& user = interpreter.layout.user;
  const auto modules = memory.pointer(interpreter.main_interpreter + user.interp_modules);
  const auto count = modules ? memory.read<std::uint64_t>(*modules + user.dict_used) : std::nullopt;
  if (!count || *count == interpreter.modules) return;
  interpreter.modules = *count;
  interpreter.libraries = LibraryFiles::find(proc::PageCache(memory), interpreter.layout, *modules);
}

}  // namespace

std::string version_name(std::uint32_t version_hex) {
  std::string text = fmt::format("{}.{}.{}", version_hex >> 24, version_hex >> 16 & 0xff, version_hex >> 8 & 0xff);
  const unsigned level = version_hex >> 4 & 0xf;
  if (level >= 0xa && level <= 0xc)
    text += fmt::format("{}{}", level == 0xa ? "a" : level == 0xb ? "b" : "rc", version_hex & 0xf);
  return text;
}

Error as_error(const InspectError& error, const proc::Process& process) {
  if (error.why != NoPython::not_python) return error;
  return {.kind = error.kind,
          .what = fmt::format("process {} ({}) is not a CPython program", process.pid(), process.comm()),
          .reason = {},
          .hint = {}};
}

std::expected<Interpreter, InspectError> inspect(const proc::Process& process, const proc::Maps& maps,
                                                 const proc::Memory& memory) {
  const auto image = find_runtime(process, maps, memory);
  if (!process.alive()) return give_up(NoPython::unreadable, process, "the process has ended");
  if (!image) return give_up(NoPython::unreadable, process, image.error().message());
  if (image->runtime == 0) {
    if (!image->is_python) return give_up(NoPython::not_python, process, "it runs no CPython");
    const auto number = version_from_name(image->name);
    const auto version = number ? fmt::format("{}.{}", *number >> 24, *number >> 16 & 0xff) : "";
    auto refused = give_up(NoPython::unknown, process,
                           fmt::format("CPython {} is not known", number ? version : "without a runtime"),
                           std::string(kSupported));
    refused.error().version = version;
    return refused;
  }

  std::vector<std::byte> head(kDebugOffsetsSize);
  if (const int error = memory.try_read(image->runtime, head); error != 0) {
    if (error == EPERM) {
      auto denied = give_up(NoPython::unreadable, process, "its memory may not be read",
                            "run it as root: " + sudo_command());
      denied.error().kind = ErrorKind::not_permitted;
      return denied;
    }
    // The page of .bss is not complete yet, or the process has just ended.
    return give_up(process.alive() ? NoPython::not_initialized : NoPython::unreadable, process,
                   "its runtime cannot be read");
  }
  const auto header = debug_header(head);
  std::uint32_t version = stated_version(memory, *image, header);
  if (version == 0) version = tried_version(memory, maps, *image);
  if (version == 0) {
    return give_up(NoPython::unknown, process, "a CPython of an unknown version", std::string(kSupported));
  }
  const bool free_threaded = header && header->free_threaded;
  const Layout* table = layout_for(version, free_threaded);
  const bool preview = (version & 0xff) != 0 && (version >> 4 & 0xf) < 0xc;
  const auto refuse = [&](std::string name, const std::string& why_not, std::string hint) {
    auto refused = give_up(NoPython::unknown, process, fmt::format("CPython {} {}", name, why_not), std::move(hint));
    refused.error().version = std::move(name);
    refused.error().where = image->path;
    refused.error().free_threaded = free_threaded;
    return refused;
  };
  if (table == nullptr || preview) {
    return refuse((version & 0xffff) ? version_name(version)
                                     : fmt::format("{}.{}", version >> 24, version >> 16 & 0xff),
                  free_threaded ? "is not known as a free-threaded build" : "is not known", std::string(kSupported));
  }

  Interpreter found;
  found.version_hex = version;
  found.free_threaded = free_threaded;
  found.layout = *table;
  found.layout.bpf.version = version;
  if (header) {
    if (const auto applied = apply_debug_offsets(head, found.layout); !applied) {
      return give_up(NoPython::unknown, process,
                     fmt::format("CPython {}: {}", version_name(version), applied.error().message()));
    }
  }
  const Check check(memory, *image, found.layout);
  found.initialized = check.initialized();
  found.main_interpreter = check.main_interpreter();
  if (!found.initialized || found.main_interpreter == 0) {
    return give_up(NoPython::not_initialized, process, "Python is not initialised (yet)");
  }
  if (const std::string problem = check.problem(found.main_interpreter, maps); !problem.empty()) {
    return give_up(NoPython::unknown, process,
                   fmt::format("CPython {} of an unknown build: {}", version_name(version), problem));
  }
  if ((version & 0xffff) == 0) {
    // 3.8 to 3.10 only state their minor version; the rest is in sys.version.
    const std::string text = check.version(found.main_interpreter);
    version = with_patch_level(version, text);
    found.version_hex = found.layout.bpf.version = version;
  }
  found.version_text = (version & 0xffff) ? version_name(version)
                                          : fmt::format("{}.{}", version >> 24, version >> 16 & 0xff);
  if (free_threaded) found.version_text += 't';
  found.runtime = image->runtime;
  found.interpreters_head = image->runtime + found.layout.user.runtime_interpreters_head;
  if (found.layout.user.runtime_gil != kNoOffset) found.gil_addr = image->runtime + found.layout.user.runtime_gil;
  if (found.layout.user.runtime_gc != kNoOffset) found.gc_addr = image->runtime + found.layout.user.runtime_gc;
  found.coro_type = image->coro_type;
  found.gen_type = image->gen_type;
  found.async_gen_type = image->async_gen_type;
  found.text_start = image->text_start;
  found.text_end = image->text_end;
  found.asyncio_debug = image->asyncio_debug;
  found.where = image->path;
  look_at_asyncio(found, process, maps, memory);
  found.greenlets = find_greenlets(process, maps, memory, found.layout, found.version_hex);
  look_at_libraries(found, memory);
  return found;
}

py_layout layout_for_bpf(const Interpreter& interpreter) {
  py_layout layout = interpreter.layout.bpf;
  if (!interpreter.c_tasks) layout.task_coro = layout.task_name = layout.ts_running_task = kNoOffset;
  return layout;
}

bool uses_gil(const Interpreter& interpreter, const proc::Memory& memory) {
  if (!interpreter.free_threaded) return true;
  const auto gil = memory.pointer(interpreter.main_interpreter + interpreter.layout.bpf.interp_gil_ptr);
  return gil && memory.read<std::int32_t>(*gil).value_or(0) != 0;
}

bool refresh(Interpreter& interpreter, const proc::Process& process, const proc::Maps& maps,
             const proc::Memory& memory) {
  const py_layout before = layout_for_bpf(interpreter);
  const std::uint64_t tasks = interpreter.current_tasks;
  const bool uvloop = interpreter.uvloop;
  const bool greenlets = interpreter.greenlets.has_value();
  look_at_asyncio(interpreter, process, maps, memory);
  if (!greenlets)
    interpreter.greenlets = find_greenlets(process, maps, memory, interpreter.layout, interpreter.version_hex);
  look_at_libraries(interpreter, memory);
  const auto task_fields = [](const py_layout& bpf) {
    return std::array{bpf.ts_running_task, bpf.task_coro, bpf.task_name, bpf.task_size};
  };
  return tasks != interpreter.current_tasks || uvloop != interpreter.uvloop ||
         greenlets != interpreter.greenlets.has_value() ||
         task_fields(before) != task_fields(layout_for_bpf(interpreter));
}

}  // namespace aiotrace::python

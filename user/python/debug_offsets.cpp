#include "python/debug_offsets.h"

#include <fmt/format.h>

#include <cstring>
#include <initializer_list>
#include <string_view>

namespace aiotrace::python {
namespace {

constexpr std::string_view kCookie = "xdebugpy";
constexpr std::uint64_t kMaxOffset = 1u << 20;

/// One published number: its source and its destination.
struct Field {
  const char* name;
  unsigned index;  ///< of the u64 in its group; index 0 is the structure's size
  std::uint32_t* into;
  unsigned width;  ///< bytes of the member
};

class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  /// A group of offsets into one structure, its size first. `expected_size` 0: any.
  void group(const char* name, std::size_t at, std::uint64_t expected_size, std::initializer_list<Field> fields) {
    const std::uint64_t size = word(at);
    if (size == 0 || size >= kMaxOffset || (expected_size != 0 && size != expected_size)) {
      wrong(fmt::format("{} has {} bytes", name, size));
      return;
    }
    for (const Field& field : fields) {
      const std::uint64_t value = word(at + std::size_t{8} * field.index);
      if (value >= size || value + field.width > size) {
        wrong(fmt::format("{}.{} is {} of {} bytes", name, field.name, value, size));
      } else {
        *field.into = static_cast<std::uint32_t>(value);
      }
    }
  }
  /// The size that a group begins with.
  [[nodiscard]] std::uint32_t size(std::size_t at) { return static_cast<std::uint32_t>(word(at)); }
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  std::uint64_t word(std::size_t at) {
    std::uint64_t value = 0;
    if (at + sizeof value <= bytes_.size()) std::memcpy(&value, bytes_.data() + at, sizeof value);
    return value;
  }
  void wrong(std::string text) {
    if (problem_.empty()) problem_ = std::move(text);
  }

  std::span<const std::byte> bytes_;
  std::string problem_;
};

/// Byte offset of each group; the same in every patch release of a minor seen so far (3.13.0, .5, .18; 3.14.8, .10;
/// 3.15.0, .2).
struct Groups {
  std::size_t runtime, interpreter, thread, frame, code, object, type, tuple, list, set, dict, integer, bytes, unicode,
      gc, generator;
};
constexpr Groups k313{24, 48, 152, 224, 272, 352, 368, 400, 424, 0, 448, 488, 512, 536, 568, 0};
constexpr Groups k314{24, 48, 176, 248, 312, 400, 416, 448, 472, 496, 528, 568, 592, 616, 648, 664};
constexpr Groups k315{24, 48, 176, 312, 376, 464, 480, 544, 568, 592, 624, 664, 688, 712, 752, 792};

}  // namespace

std::optional<DebugHeader> debug_header(std::span<const std::byte> runtime) {
  if (runtime.size() < 24 || std::memcmp(runtime.data(), kCookie.data(), kCookie.size()) != 0) return std::nullopt;
  std::uint64_t words[2];
  std::memcpy(words, runtime.data() + 8, sizeof words);
  return DebugHeader{.version_hex = static_cast<std::uint32_t>(words[0]), .free_threaded = words[1] != 0};
}

Status apply_debug_offsets(std::span<const std::byte> runtime, Layout& layout) {
  const auto header = debug_header(runtime);
  const bool free_threaded = (layout.bpf.flags & PY_FREE_THREADED) != 0;
  const unsigned minor = layout.bpf.version >> 16 & 0xff;
  if (!header || minor < 13 || minor > 15 || header->version_hex >> 16 != layout.bpf.version >> 16 ||
      header->free_threaded != free_threaded) {
    return fail("Python's own offsets", "not those of the version", {}, ErrorKind::unsupported);
  }
  const Groups& at = minor == 13 ? k313 : minor == 14 ? k314 : k315;
  Layout next = layout;
  py_layout& b = next.bpf;
  UserLayout& u = next.user;
  const Layout& table = layout;
  const unsigned main_thread = minor >= 14 ? 1 : 0;  // threads_main was inserted before it
  const unsigned frames = minor >= 15 ? 3 : 0;       // base_frame, last_profiled_frame and its sequence number

  Reader reader(runtime);
  reader.group("runtime_state", at.runtime, 0, {{"interpreters_head", 2, &u.runtime_interpreters_head, 8}});
  reader.group("interpreter_state", at.interpreter, 0,
               {{"id", 1, &u.interp_id, 8},
                {"next", 2, &b.interp_next, 8},
                {"threads_head", 3, &b.interp_threads_head, 8},
                {"gc", 4 + main_thread, &b.interp_gc, 8},
                {"imports_modules", 5 + main_thread, &u.interp_modules, 8},
                {"sysdict", 6 + main_thread, &u.interp_sysdict, 8},
                {"ceval_gil", 8 + main_thread, &b.interp_gil_ptr, 8}});
  reader.group("thread_state", at.thread, 0,
               {{"next", 2, &b.ts_next, 8},
                {"interp", 3, &b.ts_interp, 8},
                {"current_frame", 4, &b.ts_frame, 8},
                {"thread_id", 5 + frames, &b.ts_thread_id, 8},
                {"native_thread_id", 6 + frames, &u.ts_native_thread_id, 8}});
  // Not published in 3.13: the first member of _PyThreadStateImpl, which follows the PyThreadState. The size of
  // PyThreadState is published, and patch releases increased it.
  if (minor == 13) u.ts_running_loop = reader.size(at.thread);
  // Only the table has the offsets of coroutines (3.13), tasks and the rest of a frame, so the published sizes of these
  // must equal the table's.
  reader.group("interpreter_frame", at.frame, table.user.frame_size,
               {{"previous", 1, &b.frame_previous, 8},
                {"executable", 2, &b.frame_code, 8},
                {"instr_ptr", 3, &b.frame_instr, 8},
                {"localsplus", 4, &b.frame_localsplus, 8},
                {"owner", 5, &b.frame_owner, 1}});
  if (minor >= 14) {
    reader.group("interpreter_frame", at.frame, table.user.frame_size, {{"stackpointer", 6, &u.frame_stacktop, 8}});
  }
  reader.group("code_object", at.code, 0,
               {{"filename", 1, &b.code_filename, 8},
                {"name", 2, &b.code_name, 8},
                {"qualname", 3, &b.code_qualname, 8},
                {"linetable", 4, &b.code_linetable, 8},
                {"firstlineno", 5, &b.code_firstlineno, 4},
                {"localsplusnames", 7, &u.code_varnames, 8},
                {"co_code_adaptive", 9, &b.code_bytecode, 1}});
  reader.group("pyobject", at.object, free_threaded ? 32 : 16, {{"ob_type", 1, &b.obj_type, 8}});
  reader.group("type_object", at.type, 0, {{"tp_name", 1, &u.type_name, 8}, {"tp_flags", 3, &u.type_flags, 8}});
  reader.group("tuple_object", at.tuple, 0, {{"ob_item", 1, &u.tuple_items, 8}});
  reader.group("list_object", at.list, 0, {{"ob_item", 1, &u.list_items, 8}});
  reader.group("dict_object", at.dict, 0, {{"ma_keys", 1, &b.dict_keys, 8}, {"ma_values", 2, &u.dict_values, 8}});
  reader.group("long_object", at.integer, 0, {{"lv_tag", 1, &u.long_tag, 8}, {"ob_digit", 2, &b.long_digits, 4}});
  reader.group("bytes_object", at.bytes, 0, {{"ob_size", 1, &b.bytes_size, 8}, {"ob_sval", 2, &b.bytes_data, 1}});
  reader.group("unicode_object", at.unicode, 0,
               {{"state", 1, &b.unicode_state, 4},
                {"length", 2, &b.unicode_length, 8},
                {"asciiobject_size", 3, &b.unicode_ascii_data, 0}});
  reader.group("gc", at.gc, 0, {{"collecting", 1, &b.gc_collecting, 4}});
  if (at.set != 0) {
    reader.group("set_object", at.set, 0,
                 {{"used", 1, &u.set_used, 8}, {"table", 2, &u.set_table, 8}, {"mask", 3, &u.set_mask, 8}});
  }
  if (at.generator != 0) {
    reader.group(
        "gen_object", at.generator, 0,
        {{"gi_name", 1, &b.gen_name, 8}, {"gi_iframe", 2, &b.gen_iframe, 8}, {"gi_frame_state", 3, &u.coro_state, 1}});
  }
  if (!reader.problem().empty()) {
    return fail("Python's own offsets", reader.problem(), {}, ErrorKind::unsupported);
  }
  layout = next;
  return {};
}

Status apply_asyncio_debug(std::span<const std::byte> section, Layout& layout) {
  if (section.size() < kAsyncioDebugSize || layout.bpf.version >> 16 < 0x030e) {
    return fail("asyncio's own offsets", "cut short", {}, ErrorKind::unsupported);
  }
  Layout next = layout;
  Reader reader(section);
  // Three structures: task{size, name, awaited_by, is_task, awaited_by_is_set, coro, node}, interpreter{size, head},
  // thread{size, running_loop, running_task, head}.
  reader.group("task", 0, layout.bpf.task_size,
               {{"task_name", 1, &next.bpf.task_name, 8},
                {"task_awaited_by", 2, &next.user.task_awaited_by, 8},
                {"task_awaited_by_is_set", 4, &next.user.task_awaited_by_is_set, 1},
                {"task_coro", 5, &next.bpf.task_coro, 8},
                {"task_node", 6, &next.user.task_node, 16}});
  reader.group("interpreter_state", 56, 0, {{"asyncio_tasks_head", 1, &next.user.interp_tasks_head, 16}});
  reader.group("thread_state", 72, 0,
               {{"asyncio_running_loop", 1, &next.user.ts_running_loop, 8},
                {"asyncio_running_task", 2, &next.bpf.ts_running_task, 8},
                {"asyncio_tasks_head", 3, &next.user.ts_tasks_head, 16}});
  if (!reader.problem().empty()) {
    return fail("asyncio's own offsets", reader.problem(), {}, ErrorKind::unsupported);
  }
  layout = next;
  return {};
}

}  // namespace aiotrace::python

#include "python/greenlets.h"

#include <algorithm>

#include "machine/machine.h"
#include "proc/elf_image.h"

namespace aiotrace::python {
namespace {

constexpr std::uint64_t kPointer = 8;
constexpr std::uint64_t kDtvEntry = 16;

const proc::Mapping* find_module(const proc::Maps& maps) {
  const auto is_module = [](const proc::Mapping& mapping) {
    const auto name = mapping.file_name();
    // greenlet/_greenlet.cpython-311-x86_64-linux-gnu.so; before 1.0 greenlet.cpython-38-….so
    return mapping.executable && (name.starts_with("_greenlet.") || name.starts_with("greenlet.")) &&
           name.ends_with(".so");
  };
  const auto found = std::ranges::find_if(maps.all(), is_module);
  return found == maps.all().end() ? nullptr : &*found;
}

void set_image(greenlet_layout& found, const proc::Maps& maps, const proc::Mapping& module) {
  std::uint64_t end = 0;
  for (const auto& mapping : maps.all()) {
    if (!mapping.same_file(module)) continue;
    if (found.image == 0) found.image = mapping.start;
    end = mapping.end;
  }
  found.image_bytes = end - found.image;
}

// greenlet 0.4 to 1.1, src/greenlet/greenlet.h: PyObject, stack_start, stack_stop, stack_copy, stack_saved, stack_prev,
// parent, run_info, top_frame.
void set_first_generation(greenlet_layout& found, std::uint32_t head) {
  found.stack_state = head;
  found.parent = head + 40;
  found.top_frame = head + 56;
}

// greenlet 2.0 to 3.5, src/greenlet/TGreenlet.hpp: PyGreenlet is PyObject, weakreflist, dict, pimpl. The object that
// pimpl points to begins with its table of virtual functions, exc_info, exc_state, two arguments, the StackState of
// five words, and the PythonState, which begins with _context and _top_frame. _PyErr_StackItem has four words up to
// 3.10, then two. Since 3.1 _self stands behind the table.
void set_second_generation(greenlet_layout& found, std::uint32_t head, std::uint32_t version_hex) {
  const std::uint32_t exc_state = version_hex >= 0x030b0000 ? 16 : 32;
  found.implementation = head + 16;
  found.stack_state = 16 + exc_state + 16;
  found.top_frame = found.stack_state + 40 + 8;
}

// Include/internal/pycore_frame.h: frame_obj of _PyInterpreterFrame follows f_func (3.11), f_globals, f_builtins,
// f_locals, f_code (3.11); from 3.12 on it follows f_executable, previous, f_funcobj, f_globals, f_builtins, f_locals.
// PyFrameObject is PyObject, f_back, f_frame.
void set_frames(greenlet_layout& found, std::uint32_t head, std::uint32_t version_hex) {
  if (version_hex < 0x030b0000) return;
  found.frame_object_frame = head + 8;
  found.frame_frame_object = version_hex < 0x030c0000 ? 40 : 48;
}

}  // namespace

std::optional<greenlet_layout> find_greenlets(const proc::Process& process, const proc::Maps& maps,
                                              const proc::Memory& memory, const Layout& layout,
                                              std::uint32_t version_hex) {
  const proc::Mapping* module = find_module(maps);
  if (module == nullptr) return std::nullopt;
  greenlet_layout found{};
  set_image(found, maps, *module);
  const std::uint32_t head = layout.bpf.obj_type + kPointer;
  set_frames(found, head, version_hex);
  const auto file = proc::ElfImage::open(process.pid(), *module);
  const auto bias = file ? file->bias(maps, *module) : std::nullopt;
  if (!bias) return found;
  const auto storage = file->thread_local_storage();
  if (!storage) {
    set_first_generation(found, head);
    if (const auto current = file->symbol("ts_current")) found.current = *bias + current->address;
    return found;
  }
  set_second_generation(found, head, version_hex);
  constexpr std::uint64_t kMaxModule = 4096;
  const auto module_number = storage->module_word ? memory.read<std::uint64_t>(*bias + *storage->module_word)
                                                  : std::nullopt;
  if (!module_number || *module_number == 0 || *module_number > kMaxModule || storage->size < kPointer) return found;
  found.tls_module = static_cast<std::uint32_t>(*module_number);
  // g_thread_state_global is the only variable; the compiler's guard byte precedes it.
  const auto state = file->symbol("_ZL21g_thread_state_global");
  const auto offset = state ? state->address : storage->size - kPointer;
  found.tls_offset = static_cast<std::uint32_t>(std::min(offset, storage->size - kPointer));
  return found;
}

std::uint64_t GreenletParents::implementation(std::uint64_t greenlet) const {
  if (greenlet == 0 || layout_.implementation == 0) return greenlet;
  const auto at = word(greenlet + layout_.implementation);
  return at != 0 && word(at) - layout_.image < layout_.image_bytes ? at : 0;
}

std::uint64_t GreenletParents::field(std::uint64_t greenlet, std::uint32_t offset) const {
  const auto at = implementation(greenlet);
  if (at == 0) return 0;
  const bool has_self = layout_.implementation != 0 && word(at + kPointer) == greenlet;
  return at + offset + (has_self ? kPointer : 0);
}

std::uint64_t GreenletParents::current(std::uint64_t thread_id) const {
  if (layout_.tls_module == 0) return 0;
  const auto block = word(word(thread_id + machine::here().pthread_dtv) + layout_.tls_module * kDtvEntry);
  const auto state = word(block + layout_.tls_offset);
  const auto greenlet = word(state + kPointer);
  return greenlet == word(state) ? 0 : greenlet;
}

std::uint64_t GreenletParents::parent(std::uint64_t greenlet) const {
  constexpr unsigned kWords = 14;  // as in bpf/lib/greenlet.bpf.h, which has the reason
  if (layout_.parent != 0) return word(greenlet + layout_.parent);
  const auto at = field(greenlet, layout_.top_frame);
  bool has_first = false;
  for (unsigned i = 1; at != 0 && i <= kWords; ++i) {
    const auto other = word(at + i * kPointer);
    if (other == 0 || other == greenlet || implementation(other) == 0) continue;
    if (has_first) return other;
    has_first = true;
  }
  return 0;
}

std::uint64_t GreenletParents::frame(std::uint64_t greenlet) const {
  const auto at = field(greenlet, layout_.top_frame);
  const auto object = at != 0 ? word(at) : 0;
  if (object == 0 || layout_.frame_object_frame == 0) return object;
  const auto frame = word(object + layout_.frame_object_frame);
  return word(frame + layout_.frame_frame_object) == object ? frame : 0;
}

Spill GreenletParents::spill(std::uint64_t greenlet) const {
  const auto at = field(greenlet, layout_.stack_state);
  if (at == 0) return {};
  return {.start = word(at), .bytes = word(at + 3 * kPointer), .copy = word(at + 2 * kPointer)};
}

}  // namespace aiotrace::python

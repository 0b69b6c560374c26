#include "python/frame_slots.h"

namespace aiotrace::python {

std::uint64_t variable_slots(const AsyncioReader& reader, const Coroutine& of) {
  const auto& bpf = reader.interpreter().layout.bpf;
  const auto& memory = reader.memory();
  if (bpf.gen_iframe != kNoOffset) {  // co_nlocalsplus
    const auto locals = memory.read<std::int32_t>(of.code + bpf.code_firstlineno + 4);
    return locals && *locals > 0 ? static_cast<std::uint64_t>(*locals) : 0;
  }
  const auto stack = memory.read<std::uint64_t>(of.frame + reader.interpreter().layout.user.frame_valuestack);
  const std::uint64_t first = of.frame + bpf.frame_localsplus;
  return stack && *stack > first && *stack - first < std::uint64_t{8} * 65536 ? (*stack - first) / 8 : 0;
}

std::uint64_t used_slots(const AsyncioReader& reader, const Coroutine& of) {
  const auto& [bpf, user] = reader.interpreter().layout;
  const auto& memory = reader.memory();
  const std::uint64_t base = of.frame + bpf.frame_localsplus;
  constexpr std::uint32_t kPython310 = 0x030a0000;
  constexpr std::uint32_t kPython311 = 0x030b0000;
  if (bpf.version < kPython310 || (bpf.flags & PY_TAGGED_REFS) != 0) {  // f_stacktop, stackpointer
    const auto top = memory.read<std::uint64_t>(of.frame + user.frame_stacktop);
    return top && *top > base ? (*top - base) / 8 : 0;
  }
  const auto depth = memory.read<std::int32_t>(of.frame + user.frame_stacktop);
  if (!depth || *depth < 0) return 0;
  return static_cast<std::uint64_t>(*depth) + (bpf.version < kPython311 ? variable_slots(reader, of) : 0);
}

}  // namespace aiotrace::python

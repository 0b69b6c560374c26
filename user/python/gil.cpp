#include "python/gil.h"

#include "machine/machine.h"
#include "python/threads.h"

namespace aiotrace::python {

std::uint64_t gil_of_futex(const Interpreter& interpreter, const proc::Memory& memory, std::uint64_t futex) {
  if (!interpreter.initialized) return 0;
  const auto& layout = interpreter.layout.bpf;
  // cond and mutex are followed by switch_cond and switch_mutex: bpf/abi/layout.h.
  const auto& here = machine::here();
  const auto end = layout.gil_mutex + 2 * here.mutex_bytes + here.condition_bytes;
  const auto has = [&](std::uint64_t gil) { return gil != 0 && futex >= gil + layout.gil_cond && futex < gil + end; };
  if (interpreter.gil_addr != 0 || layout.interp_gil_ptr == kNoOffset)
    return has(interpreter.gil_addr) ? interpreter.gil_addr : 0;
  // Since 3.12 an interpreter may have its own.
  for (const auto state : interpreter_states(interpreter, memory)) {
    const auto gil = memory.pointer(state + layout.interp_gil_ptr).value_or(0);
    if (has(gil)) return gil;
  }
  return 0;
}

std::uint64_t gil_holder(const Interpreter& interpreter, const proc::Memory& memory, std::uint64_t gil) {
  const auto& layout = interpreter.layout.bpf;
  if (memory.read<std::int32_t>(gil + layout.gil_locked) != 1) return 0;
  return memory.pointer(gil + layout.gil_last_holder).value_or(0);
}

}  // namespace aiotrace::python

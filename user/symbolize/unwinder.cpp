#include "symbolize/unwinder.h"

#include <cstring>
#include <optional>

#include "symbolize/cfi.h"

namespace aiotrace::symbolize {
namespace {

class StackCopy {
 public:
  StackCopy(std::uint64_t base, std::span<const std::byte> bytes) : base_(base), bytes_(bytes) {}
  [[nodiscard]] std::optional<std::uint64_t> word(std::uint64_t address) const {
    const std::uint64_t offset = address - base_;
    std::uint64_t value = 0;
    if (address < base_ || offset >= bytes_.size() || bytes_.size() - offset < sizeof value) return std::nullopt;
    std::memcpy(&value, bytes_.data() + offset, sizeof value);
    return value;
  }

 private:
  std::uint64_t base_;
  std::span<const std::byte> bytes_;
};

bool is_code(const proc::Maps& maps, std::uint64_t address) {
  const auto* mapping = maps.find(address);
  return mapping != nullptr && mapping->executable;
}

/// The frame pointer points to the caller's frame pointer, followed by the return address.
std::optional<CallerFrame> step_by_frame_pointer(const Registers& registers, const proc::Maps& maps,
                                                 const StackCopy& stack) {
  const auto& roles = registers.roles();
  const auto base = registers.get(roles.frame_pointer);
  const auto top = registers.get(roles.stack_pointer);
  if (!base || !top || *base < *top || *base % 8 != 0) return std::nullopt;
  const auto saved = stack.word(*base);
  auto back = stack.word(*base + 8);
  if (back) *back &= registers.machine().return_address_mask;
  if (!saved || !back || !is_code(maps, *back - 1)) return std::nullopt;
  CallerFrame caller{
      .registers = Registers(registers.machine()), .cfa = *base + 16, .outermost = false, .signal_handler = false};
  caller.registers.set(roles.instruction_pointer, *back);
  caller.registers.set(roles.stack_pointer, caller.cfa);
  caller.registers.set(roles.frame_pointer, *saved);
  return caller;
}

}  // namespace

NativeStack unwind(Symbolizer& symbolizer, const proc::Process& process, const proc::Maps& maps,
                   const Registers& registers, std::uint64_t stack_base, std::span<const std::byte> stack) {
  NativeStack result;
  const StackCopy copy(stack_base, stack);
  Registers now = registers;
  bool interrupted = true;  // the instruction itself has not run; behind a call the call instruction counts
  while (result.frames.size() < kMaxNativeFrames) {
    const auto address = now.get(registers.roles().instruction_pointer);
    const auto top = now.get(registers.roles().stack_pointer);
    if (!address || !top) return result;
    if (*address == 0 && !result.frames.empty()) {
      result.complete = true;
      return result;
    }
    const std::uint64_t at = interrupted ? *address : *address - 1;
    auto symbol = symbolizer.find(process, maps, at);
    if (!symbol && !result.frames.empty()) return result;
    result.frames.push_back({.address = *address, .symbol = symbol.value_or(NativeSymbol{})});

    std::optional<CallerFrame> caller;
    const auto place = symbolizer.place(process, maps, at);
    auto* rules = place ? place->file->rules(place->address) : nullptr;
    if (rules != nullptr) {
      caller = step(rules, now, place->bias, [&](std::uint64_t from) -> std::optional<std::uint64_t> {
        if (const auto word = copy.word(from)) return word;
        const auto file = symbolizer.place(process, maps, from);
        std::uint64_t value = 0;
        if (!file || !file->file->read(file->address, std::as_writable_bytes(std::span(&value, 1))))
          return std::nullopt;
        return value;
      });
    } else if (symbol) {
      caller = step_by_frame_pointer(now, maps, copy);
    }
    if (!caller) return result;
    if (caller->outermost) {
      result.complete = true;
      return result;
    }
    // The stack grows down, so a caller's frame is at a higher address. Only a signal handler may have its own stack.
    if (!caller->signal_handler && caller->cfa <= *top) return result;
    interrupted = caller->signal_handler;
    now = caller->registers;
  }
  return result;
}

}  // namespace aiotrace::symbolize

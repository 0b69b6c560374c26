#include "symbolize/cfi.h"

#include <dwarf.h>
#include <elfutils/libdw.h>

#include <array>

namespace aiotrace::symbolize {
namespace {

constexpr std::size_t kMaxDepth = 64;
constexpr int kMaxSteps = 256;

/// DWARF 5, section 2.5: a stack machine. Its result is an address to read from, or the value itself.
class Expression {
 public:
  Expression(const Registers& registers, std::optional<std::uint64_t> cfa, std::uint64_t bias, const ReadWord& read)
      : registers_(registers), cfa_(cfa), bias_(bias), read_(read) {}

  struct Outcome {
    std::uint64_t number = 0;
    bool is_value = false;
  };
  [[nodiscard]] std::optional<Outcome> run(std::span<const Dwarf_Op> operations) {
    int steps = 0;
    for (std::size_t at = 0; at < operations.size(); ++at) {
      if (++steps > kMaxSteps) return std::nullopt;
      const Dwarf_Op& operation = operations[at];
      if (operation.atom == DW_OP_skip || operation.atom == DW_OP_bra) {
        if (operation.atom == DW_OP_bra) {
          if (depth_ == 0) return std::nullopt;
          if (stack_[--depth_] == 0) continue;
        }
        const auto target = jump(operations, operation);
        if (!target) return std::nullopt;
        at = *target - 1;
        continue;
      }
      if (operation.atom >= DW_OP_reg0 && operation.atom <= DW_OP_reg31) return in(operation.atom - DW_OP_reg0);
      if (operation.atom == DW_OP_regx) return in(operation.number);
      if (operation.atom == DW_OP_stack_value) {
        value_ = true;
        continue;
      }
      if (!apply(operation)) return std::nullopt;
    }
    if (depth_ == 0) return std::nullopt;
    return Outcome{.number = stack_[depth_ - 1], .is_value = value_};
  }

 private:
  std::optional<Outcome> in(std::uint64_t number) const {
    const auto value = registers_.get(number);
    if (!value) return std::nullopt;
    return Outcome{.number = *value, .is_value = true};
  }

  /// libdw stores the distance from the end of the operation (3 bytes long) in `number`, and the position of each
  /// operation in `offset`.
  static std::optional<std::size_t> jump(std::span<const Dwarf_Op> operations, const Dwarf_Op& from) {
    const auto distance = static_cast<std::int16_t>(from.number);
    const std::uint64_t target = from.offset + 3 + static_cast<std::uint64_t>(static_cast<std::int64_t>(distance));
    for (std::size_t i = 0; i < operations.size(); ++i) {
      if (operations[i].offset == target) return i;
    }
    const auto& last = operations.back();
    if (target > last.offset) return operations.size();
    return std::nullopt;
  }

  bool push(std::optional<std::uint64_t> value) {
    if (!value || depth_ == kMaxDepth) return false;
    stack_[depth_++] = *value;
    return true;
  }

  bool push_register(std::uint64_t number, std::uint64_t offset) {
    const auto value = registers_.get(number);
    return value && push(*value + offset);
  }

  bool apply(const Dwarf_Op& operation) {
    const auto atom = operation.atom;
    if (atom >= DW_OP_lit0 && atom <= DW_OP_lit31) return push(atom - DW_OP_lit0);
    if (atom >= DW_OP_breg0 && atom <= DW_OP_breg31) return push_register(atom - DW_OP_breg0, operation.number);
    switch (atom) {
      case DW_OP_bregx: return push_register(operation.number, operation.number2);
      case DW_OP_call_frame_cfa: return push(cfa_);
      case DW_OP_addr: return push(operation.number + bias_);
      case DW_OP_const1u:
      case DW_OP_const1s:
      case DW_OP_const2u:
      case DW_OP_const2s:
      case DW_OP_const4u:
      case DW_OP_const4s:
      case DW_OP_const8u:
      case DW_OP_const8s:
      case DW_OP_constu:
      case DW_OP_consts: return push(operation.number);
      case DW_OP_dup: return pick(0);
      case DW_OP_over: return pick(1);
      case DW_OP_pick: return pick(operation.number);
      case DW_OP_nop: return true;
      default: break;
    }
    if (depth_ == 0) return false;
    std::uint64_t& top = stack_[depth_ - 1];
    switch (atom) {
      case DW_OP_drop: --depth_; return true;
      case DW_OP_plus_uconst: top += operation.number; return true;
      case DW_OP_neg: top = 0 - top; return true;
      case DW_OP_not: top = ~top; return true;
      case DW_OP_deref: {
        const auto word = read_(top);
        if (word) top = *word;
        return word.has_value();
      }
      default: return depth_ > 1 && apply_to_two(atom);
    }
  }

  bool pick(std::uint64_t index) { return index < depth_ && push(stack_[depth_ - 1 - index]); }

  bool apply_to_two(std::uint8_t atom) {
    const std::uint64_t right = stack_[depth_ - 1];
    std::uint64_t& left = stack_[depth_ - 2];
    const auto is_less = static_cast<std::int64_t>(left) < static_cast<std::int64_t>(right);
    const bool is_equal = left == right;
    switch (atom) {
      case DW_OP_swap:
        stack_[depth_ - 1] = left;
        left = right;
        return true;
      case DW_OP_plus: left += right; break;
      case DW_OP_minus: left -= right; break;
      case DW_OP_mul: left *= right; break;
      case DW_OP_and: left &= right; break;
      case DW_OP_or: left |= right; break;
      case DW_OP_xor: left ^= right; break;
      case DW_OP_shl: left = right < 64 ? left << right : 0; break;
      case DW_OP_shr: left = right < 64 ? left >> right : 0; break;
      case DW_OP_eq: left = is_equal; break;
      case DW_OP_ne: left = !is_equal; break;
      case DW_OP_lt: left = is_less; break;
      case DW_OP_le: left = is_less || is_equal; break;
      case DW_OP_gt: left = !is_less && !is_equal; break;
      case DW_OP_ge: left = !is_less; break;
      default: return false;
    }
    --depth_;
    return true;
  }

  const Registers& registers_;
  std::optional<std::uint64_t> cfa_;
  std::uint64_t bias_;
  const ReadWord& read_;
  std::array<std::uint64_t, kMaxDepth> stack_{};
  std::size_t depth_ = 0;
  bool value_ = false;
};

}  // namespace

std::optional<CallerFrame> step(Dwarf_Frame_s* frame, const Registers& registers, std::uint64_t bias,
                                const ReadWord& read) {
  Dwarf_Op* operations = nullptr;
  std::size_t count = 0;
  bool is_signal = false;
  if (::dwarf_frame_info(frame, nullptr, nullptr, &is_signal) < 0) return std::nullopt;
  if (::dwarf_frame_cfa(frame, &operations, &count) != 0 || count == 0) return std::nullopt;
  const auto cfa = Expression(registers, std::nullopt, bias, read).run({operations, count});
  if (!cfa) return std::nullopt;

  const auto& machine = registers.machine();
  const auto& roles = registers.roles();
  CallerFrame caller{
      .registers = Registers(machine), .cfa = cfa->number, .outermost = false, .signal_handler = is_signal};
  for (std::size_t number = 0; number < roles.names.size(); ++number) {
    Dwarf_Op own[3];
    if (::dwarf_frame_register(frame, static_cast<int>(number), own, &operations, &count) != 0) return std::nullopt;
    std::optional<std::uint64_t> value;
    if (count != 0) {
      const auto found = Expression(registers, caller.cfa, bias, read).run({operations, count});
      if (found) value = found->is_value ? std::optional(found->number) : read(found->number);
    } else if (operations == nullptr) {
      value = registers.get(number);  // the same as in the caller
    } else if (number == roles.return_address) {
      caller.outermost = true;
    }
    if (value) caller.registers.set(number, *value);
  }
  if (caller.outermost) return caller;
  if (!caller.registers.get(roles.stack_pointer)) caller.registers.set(roles.stack_pointer, caller.cfa);
  const auto back = caller.registers.get(roles.return_address);
  if (!back) return std::nullopt;
  caller.registers.set(roles.instruction_pointer, *back & machine.return_address_mask);
  return caller;
}

}  // namespace aiotrace::symbolize

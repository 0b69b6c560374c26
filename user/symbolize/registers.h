// The registers of a thread of x86-64, as far as they are known.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace aiotrace::symbolize {

/// Numbers of DWARF (System V ABI, AMD64 supplement, figure 3.36).
enum class Register : std::uint8_t {
  rax,
  rdx,
  rcx,
  rbx,
  rsi,
  rdi,
  rbp,
  rsp,
  r8,
  r9,
  r10,
  r11,
  r12,
  r13,
  r14,
  r15,
  rip
};
inline constexpr std::size_t kRegisters = 17;

class Registers {
 public:
  void set(Register name, std::uint64_t value) { values_[static_cast<std::size_t>(name)] = value; }
  [[nodiscard]] std::optional<std::uint64_t> get(Register name) const { return get(static_cast<std::size_t>(name)); }
  /// By DWARF's number; nothing for one that is none of these.
  [[nodiscard]] std::optional<std::uint64_t> get(std::size_t number) const {
    return number < kRegisters ? values_[number] : std::nullopt;
  }

 private:
  std::array<std::optional<std::uint64_t>, kRegisters> values_{};
};

}  // namespace aiotrace::symbolize

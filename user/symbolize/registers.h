// The known registers of a thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "machine/machine.h"

namespace aiotrace::symbolize {

/// Indexed by DWARF's numbers.
class Registers {
 public:
  explicit Registers(const machine::Machine& machine = machine::here()) : machine_(&machine) {}

  [[nodiscard]] const machine::Machine& machine() const { return *machine_; }
  [[nodiscard]] const machine::RegisterRoles& roles() const { return machine_->registers; }
  /// Does nothing for a number that the machine does not have.
  void set(std::size_t number, std::uint64_t value) {
    if (number < roles().names.size() && number < values_.size()) values_[number] = value;
  }
  [[nodiscard]] std::optional<std::uint64_t> get(std::size_t number) const {
    return number < values_.size() ? values_[number] : std::nullopt;
  }

 private:
  static constexpr std::size_t kMost = 33;

  const machine::Machine* machine_;
  std::array<std::optional<std::uint64_t>, kMost> values_{};
};

}  // namespace aiotrace::symbolize

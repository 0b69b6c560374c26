// What a command stands on: what `aiotrace doctor` has to look at.
#pragma once

#include <cstdint>
#include <string_view>

namespace aiotrace::app {

enum class Need : std::uint8_t {
  nothing,  ///< works with files, or looks what works
  memory,   ///< reads the memory of a Python process
  probes,   ///< the same BPF programs as the watching of stalls
};

struct CommandNeed {
  std::string_view name;
  Need need = Need::nothing;
  /// The option that needs BPF programs where the command itself does not; empty: none.
  std::string_view probe_option = {};
};

}  // namespace aiotrace::app

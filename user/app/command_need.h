// What a command requires: `aiotrace doctor` checks this.
#pragma once

#include <cstdint>
#include <string_view>

namespace aiotrace::app {

enum class Need : std::uint8_t {
  nothing,  ///< only needs files, or checks features
  memory,   ///< reads the memory of a Python process
  probes,   ///< the same BPF programs as the watching of stalls
};

struct CommandNeed {
  std::string_view name;
  Need need = Need::nothing;
  /// The option that needs BPF programs if the command itself does not; empty: none.
  std::string_view probe_option = {};
};

}  // namespace aiotrace::app

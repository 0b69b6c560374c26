// The commands beside the watching of stalls: `aiotrace NAME …`, each with options of its own.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace aiotrace::app {

/// What a command stands on.
enum class Need : std::uint8_t {
  nothing,  ///< works with files, or looks what works
  memory,   ///< reads the memory of a Python process
  probes,   ///< the same BPF programs as the watching of stalls
};

struct Subcommand {
  std::string_view name;
  Need need = Need::nothing;
  /// Gets the arguments as main does, argv[1] being the name; gives the exit status.
  int (*run)(int argc, const char* const* argv);
};

/// All of them, in the order of the help text.
[[nodiscard]] std::span<const Subcommand> subcommands();

/// The one that argv[1] names; nullptr: none.
[[nodiscard]] const Subcommand* find_subcommand(int argc, const char* const* argv);

}  // namespace aiotrace::app

// `aiotrace awaits -p PID`: where tasks wait, and for how long.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "util/result.h"

namespace aiotrace::app {

struct AwaitsOptions {
  std::int32_t pid = 0;
  std::optional<std::uint64_t> duration_ns;
  double rate_hz = 20;
  double budget = 0.01;    ///< of a core: slower than rate_hz when the snapshots would cost more
  bool exact = false;      ///< every await, by uprobes
  double max_cost = 0.05;  ///< of a thread's time that `exact` may cost the target
  std::uint64_t slow_ns = 10'000'000;
  std::size_t top = 20;              ///< sites shown as text; 0: all
  std::optional<std::string> match;  ///< only awaits of tasks, coroutines or functions with this in their name
  std::optional<std::string> json;   ///< "-": standard output
  std::optional<std::string> folded;
  std::optional<std::string> html;
  std::optional<std::string> speedscope;
  std::optional<std::string> pprof;
  std::optional<std::string> perfetto;
  std::optional<std::string> message;  ///< --help: nothing more to do

  /// Whole await chains are wanted, not only the sites.
  [[nodiscard]] bool wants_stacks() const { return folded || html || speedscope || pprof; }
};

/// Errors are of kind usage and fit on one line. argv[1] is the command's name.
[[nodiscard]] Result<AwaitsOptions> parse_awaits_options(int argc, const char* const* argv);

/// The exit status.
[[nodiscard]] int run_awaits(int argc, const char* const* argv);

}  // namespace aiotrace::app

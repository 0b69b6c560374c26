// `aiotrace awaits --exact`: every await, by uprobes on the steps of tasks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "app/awaits_outputs.h"
#include "app/requests.h"
#include "util/result.h"

namespace aiotrace::app {

struct ExactAwaitsConfig {
  std::int32_t pid = 0;
  std::optional<std::uint64_t> duration_ns;
  std::optional<std::string> match;  ///< only awaits of tasks, coroutines or functions whose name contains this
  double max_cost = 0.05;            ///< share of a thread's time that it may cost the target
  std::uint64_t slow_ns = 0;         ///< awaits at least this long are marked
  std::size_t top = 0;               ///< sites shown as text; 0: all
};

[[nodiscard]] Status watch_exactly(const ExactAwaitsConfig& config, const Interrupt& interrupt, AwaitsOutputs& out);

}  // namespace aiotrace::app

// `aiotrace report --last`: from the recordings of the daemon's flight recorder.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "app/outputs.h"
#include "app/replay.h"

namespace aiotrace::app {

struct LastOptions {
  std::optional<std::uint64_t> last_ns;  ///< nothing: --last was not given
  std::optional<std::string> service;
  std::optional<std::string> state;
};

/// Opens the files with the rights of the program, and gives these up before it reads a byte. Returns the exit status.
[[nodiscard]] int report_last(const LastOptions& options, const Thresholds& thresholds,
                              std::optional<std::uint64_t> fail_over_ns, const OutputsConfig& output);

}  // namespace aiotrace::app

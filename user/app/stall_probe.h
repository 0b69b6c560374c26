// The configuration of BPF to find stalls.
#pragma once

#include <cstdint>

#include "probe/probe.h"

namespace aiotrace::app {

struct StallProbe {
  std::uint64_t warn_ns = 50'000'000;  ///< an iteration at least this long is a stall
  probe::PollProbe poll = probe::PollProbe::automatic;
  bool all = false;      ///< every loop of the machine
  bool follow = false;   ///< children too
  bool native = false;   ///< with native stacks
  bool verbose = false;  ///< report the time that loading took
};

[[nodiscard]] probe::ProbeOptions stall_probe_options(const StallProbe& wanted);

}  // namespace aiotrace::app

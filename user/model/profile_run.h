// What a run of `profile` reports. Only data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/losses.h"
#include "model/profile.h"
#include "model/summary.h"
#include "model/timeline.h"

namespace aiotrace::model {

/// The options of the profile.
struct ProfileHead {
  std::uint64_t time_ns = 0;  ///< CLOCK_MONOTONIC, when every probe is in place
  std::string version;
  std::string kernel;
  ProfileMode mode = ProfileMode::cpu;
  ProfileBy by = ProfileBy::none;
  double frequency_hz = 0;   ///< 0: no samples are taken
  std::uint64_t min_ns = 0;  ///< of intervals off the CPU
  std::vector<Target> targets;
  std::uint64_t top = 0;  ///< rows of each table shown as text; 0: all
};

struct ProfileReport {
  ProfileHead head;
  std::uint64_t time_ns = 0;  ///< CLOCK_MONOTONIC, at the end
  std::uint64_t elapsed_ns = 0;
  std::vector<ProfileRow> rows;        ///< largest first
  std::vector<ProfileThread> threads;  ///< with the scheduler's data; without waits only samples
  std::uint64_t samples = 0;
  std::optional<std::uint64_t> process_cpu_ns;  ///< CPU time of the processes in this time, by the kernel; if known
  std::uint64_t rows_over = 0;                  ///< see Profile::over()
  LossCounts losses{};
  Cost cost;
  std::optional<Timeline> timeline;  ///< if it was requested; recordings do not have it
};

}  // namespace aiotrace::model

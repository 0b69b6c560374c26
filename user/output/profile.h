// A profile as text and as JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/losses.h"
#include "model/profile.h"
#include "model/summary.h"
#include "model/timeline.h"
#include "model/weighted_stacks.h"
#include "output/context.h"
#include "output/sink.h"

namespace aiotrace::output {

/// What was asked for.
struct ProfileHead {
  std::uint64_t time_ns = 0;  ///< CLOCK_MONOTONIC, when every probe is in place
  std::string version;
  std::string kernel;
  model::ProfileMode mode = model::ProfileMode::cpu;
  model::ProfileBy by = model::ProfileBy::none;
  double frequency_hz = 0;   ///< 0: no samples are taken
  std::uint64_t min_ns = 0;  ///< of intervals off the CPU
  std::vector<model::Target> targets;
};

struct ProfileReport {
  ProfileHead head;
  std::uint64_t time_ns = 0;  ///< CLOCK_MONOTONIC, at the end
  std::uint64_t elapsed_ns = 0;
  std::vector<model::ProfileRow> rows;        ///< largest first
  std::vector<model::ProfileThread> threads;  ///< with what the scheduler tells of them; without waits only samples
  std::uint64_t samples = 0;
  std::optional<std::uint64_t> process_cpu_ns;  ///< of the processes meanwhile, as the kernel counts it; if it is known
  std::uint64_t rows_over = 0;                  ///< see model::Profile::over()
  model::LossCounts losses{};
  model::Cost cost;
  std::optional<model::Timeline> timeline;  ///< if it was asked for
};

/// The `top` first functions and waits, 0: all.
[[nodiscard]] std::vector<std::string> profile_text(const ProfileReport& report, std::size_t top,
                                                    const OutputContext& context);

/// A page: causes, functions, waits, threads, and `stacks` as a flame graph.
[[nodiscard]] std::string profile_page(const ProfileReport& report, const model::WeightedStacks& stacks,
                                       const OutputContext& context);

/// The timeline for Perfetto: tracks as perfetto_trace() has them, with every thread's samples and waits in its tasks.
[[nodiscard]] std::string profile_trace(const ProfileReport& report, const OutputContext& context);

[[nodiscard]] std::string profile_watching_json(const ProfileHead& head, const OutputContext& context);
[[nodiscard]] std::string profile_row_json(const model::ProfileRow& row);
[[nodiscard]] std::string profile_summary_json(const ProfileReport& report, const OutputContext& context);

}  // namespace aiotrace::output

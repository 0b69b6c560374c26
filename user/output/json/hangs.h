// What hangs, as JSON.
#pragma once

#include <cstdint>
#include <string>

#include "model/hang.h"
#include "output/context.h"

namespace aiotrace::output {

/// One line of JSON each.
[[nodiscard]] std::string hang_json(const model::Hang& hang);
[[nodiscard]] std::string hang_look_json(const model::HangScan& scan);

/// Of a whole run.
struct HangSummary {
  std::uint64_t elapsed_ns = 0;
  std::uint64_t looks = 0;
  std::uint64_t max_look_ns = 0;
  std::uint64_t hangs = 0;   ///< in the last look of each process
  std::uint64_t proved = 0;  ///< of these, with a final verdict
  std::uint64_t unreadable = 0;
  bool torn = false;
  std::uint64_t cpu_ns = 0;  ///< of aiotrace
};
[[nodiscard]] std::string hang_summary_json(const HangSummary& summary, std::uint64_t time_ns,
                                            const OutputContext& context);

}  // namespace aiotrace::output

// What hangs, as rows of JSON and as text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

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

/// One hang for people, clean, at most kMaxHangLines unless verbose: verdict first, who waits, who holds.
[[nodiscard]] std::vector<std::string> hang_lines(const model::Hang& hang, const OutputContext& context);
inline constexpr std::size_t kMaxHangLines = 12;
/// The same beside stalls, with the time and the process of the look that found it.
[[nodiscard]] std::vector<std::string> hang_block_lines(const model::Hang& hang, const model::HangScan& scan,
                                                        const OutputContext& context);
/// "deadlock: 2 tasks wait for each other"; clean.
[[nodiscard]] std::string hang_headline(const model::Hang& hang);

/// What one look found, and what it could not read. Of waits in which nothing is proved the largest groups only, unless
/// verbose.
[[nodiscard]] std::vector<std::string> hang_look_lines(const std::vector<model::Hang>& hangs,
                                                       const model::HangScan& scan, const OutputContext& context);

}  // namespace aiotrace::output

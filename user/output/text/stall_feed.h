// Decides which stalls are printed while a program runs: each kind once in full, repetitions in one line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "model/stall.h"
#include "output/context.h"

namespace aiotrace::output {

/// A stall of a kind that was printed before (same loop, level, cause and place) takes one line; if many follow one
/// another, one line per second stands for all. An ongoing stall takes one line for each further report, and one at its
/// end. The result depends only on the stalls, so a recording shows the same. Verbose: every stall in full.
class StallFeed {
 public:
  /// Kinds of stalls beyond this number are not remembered: the next ones are printed in full again.
  static constexpr std::size_t kMaxKinds = 4096;

  /// Lines for this stall, in the order of the reports; none if a later line will count it.
  [[nodiscard]] std::vector<std::string> add(const model::Stall& stall, const OutputContext& context);
  /// Lines for stalls that were not printed yet, at the end of the run.
  [[nodiscard]] std::vector<std::string> finish(const OutputContext& context);

 private:
  struct Kind {
    std::uint64_t printed_ns = 0;      // end of the stall that was printed last
    unsigned at_once = 0;              // lines since the last second without a line
    std::uint64_t waiting = 0;         // stalls that no line has counted yet
    std::uint64_t longest_ns = 0;      // of them
    std::optional<model::Stall> last;  // of them
  };
  [[nodiscard]] std::vector<std::string> line_of(const model::Stall& stall, std::string_view lead,
                                                 const OutputContext& context);
  [[nodiscard]] std::vector<std::string> again(const model::Stall& stall, Kind& kind, const OutputContext& context);
  [[nodiscard]] std::vector<std::string> add_again(const model::Stall& stall, Kind& kind, const OutputContext& context);

  std::unordered_map<std::string, Kind> kinds_;
  std::unordered_set<std::uint64_t> went_on_;  // stalls by id
  std::uint32_t pid_ = 0;                      // of the last stall
  bool several_ = false;                       // there are stalls of several processes
};

}  // namespace aiotrace::output

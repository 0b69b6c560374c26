// What of the stalls is printed while a program runs: each kind once in full, what repeats in a line.
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

/// A stall of a kind that was printed before (same loop, level, cause and place) is one line; where many follow one
/// another, one line a second stands for all. A stall that goes on is one line each time that it is reported again, and
/// one at its end. Depends on the stalls alone, so a recording shows the same. Verbose: every stall in full.
class StallFeed {
 public:
  /// More kinds of stalls than this are not remembered: the next ones are printed in full again.
  static constexpr std::size_t kMaxKinds = 4096;

  /// Lines for this stall, in the order in which stalls are reported; none where a later line will count it.
  [[nodiscard]] std::vector<std::string> add(const model::Stall& stall, const OutputContext& context);
  /// Lines for those that are not printed yet, at the end of the run.
  [[nodiscard]] std::vector<std::string> finish(const OutputContext& context);

 private:
  struct Kind {
    std::uint64_t printed_ns = 0;      // end of the stall that was printed last
    unsigned at_once = 0;              // lines since there was a second without any
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
  std::uint32_t pid_ = 0;                      // of the last one
  bool several_ = false;                       // there are stalls of more than one process
};

}  // namespace aiotrace::output

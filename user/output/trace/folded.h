// Folded stacks, as flame-graph tools read them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/await_run.h"
#include "model/stall.h"
#include "model/weighted_stacks.h"
#include "output/sink.h"

namespace aiotrace::output {

/// Adds stalls up by stack. A line is `root;…;innermost;[cause];[syscall] weight`: frames as `function (file:line)`,
/// the system call only where there is one, the weight in microseconds of stalled time. A segment without a stack
/// starts at the root `[no stack]`; a stack whose outer frames are missing at `[unreadable]` or `[too deep]`. Give it
/// each stall once: when it has ended, or as unfinished.
class FoldedOutput {
 public:
  /// More lines than this are never kept: further stacks are added up below the root `[other stacks]`.
  static constexpr std::size_t kMaxLines = 100'000;

  void add(const model::Stall& stall);

  /// Writes all lines, sorted. The weights add up to the stalled time (less than a microsecond is cut once, not for
  /// each line); lines whose weight comes out as 0 are left out.
  Status write(Sink& sink) const;

 private:
  std::map<std::string, std::uint64_t> ns_by_stack_;
};

/// Weighted stacks in their own order, the weights in microseconds; lines below half of one are left out. Marks are
/// written as they are: `[network]`.
Status write_folded(const model::WeightedStacks& stacks, Sink& sink);

/// Folded stacks: the rows' coroutines are the stacks, the weights microseconds of waiting.
Status write_folded(const std::vector<model::AwaitRow>& rows, Sink& sink);

/// A frame as a folded stack may hold it: no `;`, no control, separator or format character, never starting with `[`
/// (those are aiotrace's own).
[[nodiscard]] std::string folded_frame(const model::Frame& frame);

}  // namespace aiotrace::output

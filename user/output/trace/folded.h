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
/// starts at the root `[no stack]`; a stack without its outer frames starts at `[unreadable]` or `[too deep]`. Each
/// stall must be added once: when it has ended, or as unfinished.
class FoldedOutput {
 public:
  /// Lines beyond this number are merged: further stacks are added up below the root `[other stacks]`.
  static constexpr std::size_t kMaxLines = 100'000;

  void add(const model::Stall& stall);

  /// Writes all lines, sorted. The weights add up to the stalled time (it is rounded down to microseconds once, not for
  /// each line); lines with weight 0 are left out.
  Status write(Sink& sink) const;

 private:
  std::map<std::string, std::uint64_t> ns_by_stack_;
};

/// Weighted stacks in their own order, the weights in microseconds; lines below half a microsecond are left out. Marks
/// are written unchanged: `[network]`.
Status write_folded(const model::WeightedStacks& stacks, Sink& sink);

/// Folded stacks of waiting time: the rows' coroutines are the stacks, the weights are microseconds.
Status write_folded(const std::vector<model::AwaitRow>& rows, Sink& sink);

/// A frame in the form for a folded stack: no `;`, no control, separator or format character, never starting with `[`
/// (such frames are aiotrace's marks).
[[nodiscard]] std::string folded_frame(const model::Frame& frame);

}  // namespace aiotrace::output

// A stall taken apart as a person sees it.
#pragma once

#include <cstdint>
#include <vector>

#include "model/stall.h"
#include "output/context.h"

namespace aiotrace::output {

/// Segments that a person takes for the same: they differ in the lines of their frames only, as samples of one loop do.
struct StallGroup {
  const model::Segment* largest = nullptr;
  std::uint64_t ns = 0;
};

/// Largest first. They point into the stall.
[[nodiscard]] std::vector<StallGroup> groups_of(const model::Stall& stall);

/// Groups whose stacks look the same when they are shown.
struct StallPart {
  std::vector<StallGroup> groups;  ///< largest first
  std::uint64_t ns = 0;
  [[nodiscard]] const model::Segment& largest() const { return *groups.front().largest; }
};

/// The parts that are worth a stack, largest first: a tenth of the stall and more, at least one. Time without a stack
/// is no part where others have one. Verbose: from a hundredth on, and whole stacks are compared.
[[nodiscard]] std::vector<StallPart> parts_of(const std::vector<StallGroup>& groups, const model::Stall& stall,
                                              const OutputContext& context);

/// The cause that took most of what was seen; unknown where nothing was.
[[nodiscard]] model::Cause main_cause(const model::Stall& stall);

/// What to say where it was: of the segments with a stack the largest of the main cause, else the largest. Null: there
/// is none.
[[nodiscard]] const model::Segment* main_segment(const model::Stall& stall);

/// The frame to name of a segment; null: not known.
[[nodiscard]] const model::Frame* frame_to_name(const model::Segment& segment);

/// A tenth of it.
[[nodiscard]] inline std::uint64_t worth_showing_ns(const model::Stall& stall) { return stall.duration_ns / 10; }

}  // namespace aiotrace::output

// A stall divided into the parts that a person sees.
#pragma once

#include <cstdint>
#include <vector>

#include "model/stall.h"
#include "output/context.h"

namespace aiotrace::output {

/// Segments that look the same to a person: they differ only in the lines of their frames, as samples of one loop do.
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

/// The parts that are large enough to show a stack, largest first: 10 % of the stall or more, at least one part. Time
/// without a stack is no part if others have one. Verbose: from 1 % on, and whole stacks are compared.
[[nodiscard]] std::vector<StallPart> parts_of(const std::vector<StallGroup>& groups, const model::Stall& stall,
                                              const OutputContext& context);

/// The cause with most of the observed time; unknown if nothing was observed.
[[nodiscard]] model::Cause main_cause(const model::Stall& stall);

/// The segment that gives the stall's place: among the segments with a stack the largest one of the main cause, else
/// the largest. Null: there is none.
[[nodiscard]] const model::Segment* main_segment(const model::Stall& stall);

/// The frame that represents a segment; null: unknown.
[[nodiscard]] const model::Frame* frame_to_name(const model::Segment& segment);

/// At least 10 % of it.
[[nodiscard]] inline std::uint64_t worth_showing_ns(const model::Stall& stall) { return stall.duration_ns / 10; }

}  // namespace aiotrace::output

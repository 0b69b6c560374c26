#include "output/text/stall_parts.h"

#include <algorithm>

#include "model/cause.h"
#include "model/frame_origin.h"
#include "model/statistics.h"
#include "output/text/stack.h"

namespace aiotrace::output {
namespace {

using model::Segment;
using model::Stall;

bool same_functions(const model::Stack& a, const model::Stack& b) {
  return std::ranges::equal(a, b,
                            [](const auto& x, const auto& y) { return x.function == y.function && x.file == y.file; });
}

bool same_to_a_person(const Segment& a, const Segment& b) {
  if (a.cause != b.cause || a.syscall != b.syscall || a.culprit != b.culprit) return false;
  if (a.stack.has_value() != b.stack.has_value()) return false;
  return !a.stack || same_functions(*a.stack, *b.stack);
}

bool has_stack(const Segment& segment) { return segment.stack && !segment.stack->empty(); }

}  // namespace

std::vector<StallGroup> groups_of(const Stall& stall) {
  std::vector<StallGroup> groups;
  for (const auto& segment : stall.segments) {
    const auto same = [&segment](const StallGroup& group) { return same_to_a_person(*group.largest, segment); };
    const auto known = std::find_if(groups.begin(), groups.end(), same);
    if (known == groups.end()) {
      groups.push_back({&segment, segment.ns});
    } else {
      known->ns += segment.ns;
    }
  }
  std::stable_sort(groups.begin(), groups.end(), [](const auto& a, const auto& b) { return a.ns > b.ns; });
  return groups;
}

std::vector<StallPart> parts_of(const std::vector<StallGroup>& groups, const Stall& stall,
                                const OutputContext& context) {
  constexpr std::uint64_t kVerbose = 100;
  const auto same = context.verbose ? same_functions : same_when_folded;
  std::vector<StallPart> parts;
  for (const auto& group : groups) {
    if (!has_stack(*group.largest)) continue;
    const auto looks_same = [&](const StallPart& part) { return same(*part.largest().stack, *group.largest->stack); };
    auto part = std::find_if(parts.begin(), parts.end(), looks_same);
    if (part == parts.end()) part = parts.emplace(parts.end());
    part->groups.push_back(group);
    part->ns += group.ns;
  }
  if (parts.empty() && !groups.empty()) parts.push_back({.groups = {groups.front()}, .ns = groups.front().ns});
  std::stable_sort(parts.begin(), parts.end(), [](const auto& a, const auto& b) { return a.ns > b.ns; });
  const auto least = context.verbose ? stall.duration_ns / kVerbose : worth_showing_ns(stall);
  while (parts.size() > 1 && parts.back().ns < least) parts.pop_back();
  return parts;
}

model::Cause main_cause(const Stall& stall) {
  auto main = model::Cause::unknown;
  std::uint64_t most_ns = 0;
  for (const auto& row : model::kCauseTable) {
    const auto ns = stall.cause_ns[model::index(row.cause)];
    if (row.group == model::CauseGroup::not_seen || ns <= most_ns) continue;
    main = row.cause;
    most_ns = ns;
  }
  return main;
}

const Segment* main_segment(const Stall& stall) {
  const auto cause = main_cause(stall);
  const Segment* with_stack = nullptr;
  for (const auto& group : groups_of(stall)) {
    if (!has_stack(*group.largest)) continue;
    if (group.largest->cause == cause) return group.largest;
    if (with_stack == nullptr) with_stack = group.largest;
  }
  return with_stack;
}

const model::Frame* frame_to_name(const Segment& segment) {
  if (!segment.stack) return nullptr;
  const auto* frame = model::own_frame(*segment.stack);
  return frame != nullptr ? frame : model::native_frame(*segment.stack);
}

}  // namespace aiotrace::output

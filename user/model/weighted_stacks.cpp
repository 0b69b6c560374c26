#include "model/weighted_stacks.h"

#include <ranges>
#include <utility>

#include "model/bounded_text.h"
#include "model/cause.h"
#include "util/hash.h"

namespace aiotrace::model {
namespace {

WeightedFrame::Kind kind_of(Frame::Kind kind) {
  switch (kind) {
    case Frame::Kind::native: return WeightedFrame::Kind::native;
    case Frame::Kind::kernel: return WeightedFrame::Kind::kernel;
    case Frame::Kind::python: break;
  }
  return WeightedFrame::Kind::python;
}

}  // namespace

WeightedFrame weighted_frame(const Frame& frame) {
  return {.kind = kind_of(frame.kind),
          .function = frame.function.empty() ? "?" : bounded_text(frame.function, WeightedStacks::kMaxName),
          .file = bounded_text(frame.file, WeightedStacks::kMaxName),
          .line = frame.line};
}

WeightedFrame mark_frame(std::string_view text) {
  return {.kind = WeightedFrame::Kind::mark,
          .function = "[" + bounded_text(text, WeightedStacks::kMaxName - 2) + "]",
          .file = {},
          .line = 0};
}

std::size_t WeightedStacks::Hash::operator()(const WeightedFrame& frame) const {
  auto seed = static_cast<std::size_t>(frame.kind);
  hash_into(seed, frame.function);
  hash_into(seed, frame.file);
  hash_into(seed, frame.line);
  return seed;
}

std::size_t WeightedStacks::Hash::operator()(const std::vector<std::uint32_t>& frames) const {
  auto seed = frames.size();
  for (const auto frame : frames) hash_into(seed, frame);
  return seed;
}

std::uint32_t WeightedStacks::index_of(const WeightedFrame& frame) {
  const auto [at, added] = frame_at_.try_emplace(frame, static_cast<std::uint32_t>(frames_.size()));
  if (added) frames_.push_back(frame);
  return at->second;
}

void WeightedStacks::add(std::span<const WeightedFrame> root_first, std::uint64_t weight, std::uint64_t times) {
  total_ += weight;
  // Frames are kept as long as stacks are added: the number of stacks limits theirs.
  std::vector<std::uint32_t> frames;
  if (stacks_.size() + 1 < max_stacks_) {
    if (root_first.size() > kMaxDepth) {
      frames.push_back(index_of(mark_frame("too deep")));
      root_first = root_first.last(kMaxDepth - 1);
    }
    for (const auto& frame : root_first) frames.push_back(index_of(frame));
  } else {
    for (const auto& frame : root_first) {
      const auto at = frame_at_.find(frame);
      if (at == frame_at_.end()) break;
      frames.push_back(at->second);
    }
    if (frames.size() != root_first.size() || !stack_at_.contains(frames)) {
      frames = {index_of(mark_frame("other stacks"))};
      ++over_;
    }
  }
  const auto [at, added] = stack_at_.try_emplace(std::move(frames), stacks_.size());
  if (added) stacks_.push_back({.frames = at->first, .weight = 0, .times = 0});
  stacks_[at->second].weight += weight;
  stacks_[at->second].times += times;
}

WeightedStacks::Parts WeightedStacks::parts() const {
  return {.what = what_, .times = times_, .unit = unit_, .over = over_, .frames = frames_, .stacks = stacks_};
}

std::optional<WeightedStacks> WeightedStacks::of(Parts parts) {
  if (parts.stacks.size() > kMaxStacks) return std::nullopt;
  WeightedStacks result(std::move(parts.what), std::move(parts.times), parts.unit);
  for (auto& frame : parts.frames) {
    frame.function = frame.function.empty() ? "?" : bounded_text(frame.function, kMaxName);
    frame.file = bounded_text(frame.file, kMaxName);
  }
  for (const auto& stack : parts.stacks) {
    if (stack.frames.size() > kMaxDepth) return std::nullopt;
    for (const auto frame : stack.frames)
      if (frame >= parts.frames.size()) return std::nullopt;
    result.total_ += stack.weight;
  }
  result.over_ = parts.over;
  result.frames_ = std::move(parts.frames);
  result.stacks_ = std::move(parts.stacks);
  for (std::size_t i = 0; i < result.frames_.size(); ++i)
    result.frame_at_.try_emplace(result.frames_[i], static_cast<std::uint32_t>(i));
  for (std::size_t i = 0; i < result.stacks_.size(); ++i) result.stack_at_.try_emplace(result.stacks_[i].frames, i);
  return result;
}

void add_stall(WeightedStacks& stacks, const Stall& stall) {
  for (const auto& segment : stall.segments) {
    std::vector<WeightedFrame> frames;
    if (segment.stack_unreadable)
      frames.push_back(mark_frame("unreadable"));
    else if (segment.stack_too_deep)
      frames.push_back(mark_frame("too deep"));
    else if (!segment.stack)
      frames.push_back(mark_frame("no stack"));
    if (segment.stack) {
      for (const auto& frame : std::views::reverse(*segment.stack)) frames.push_back(weighted_frame(frame));
    }
    frames.push_back(mark_frame(name(segment.cause)));
    if (!segment.syscall.empty()) frames.push_back(mark_frame(segment.syscall));
    stacks.add(frames, segment.ns, 1);
  }
}

}  // namespace aiotrace::model

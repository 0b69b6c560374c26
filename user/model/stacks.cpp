#include "model/stacks.h"

#include <algorithm>
#include <utility>

#include "util/hash.h"

namespace aiotrace::model {

Stack StoredStack::copy() const {
  Stack stack;
  stack.reserve(frames.size());
  for (const auto& frame : frames) stack.push_back(*frame);
  return stack;
}

std::size_t StackStore::IdHash::operator()(const Id& id) const {
  std::size_t seed = id.pid;
  hash_into(seed, id.stack_id);
  return seed;
}

std::size_t StackStore::ByValue::operator()(const FrameRef& frame) const {
  auto seed = static_cast<std::size_t>(frame->kind);
  hash_into(seed, frame->function);
  hash_into(seed, frame->file);
  hash_into(seed, frame->line);
  return seed;
}

// Frames are interned before stacks, so their addresses identify them.
std::size_t StackStore::ByValue::operator()(const StackRef& stack) const {
  std::size_t seed = (stack->unreadable ? 1U : 0U) | (stack->too_deep ? 2U : 0U);
  for (const auto& frame : stack->frames) hash_into(seed, frame.get());
  return seed;
}

bool StackStore::ByValue::operator()(const FrameRef& a, const FrameRef& b) const { return *a == *b; }

bool StackStore::ByValue::operator()(const StackRef& a, const StackRef& b) const {
  return a->unreadable == b->unreadable && a->too_deep == b->too_deep && a->frames == b->frames;
}

void StackStore::add(std::uint32_t pid, std::uint64_t stack_id, Stack stack, bool unreadable, bool too_deep) {
  if (stack_id == 0 || capacity_ == 0) return;
  StoredStack stored{.frames = {}, .unreadable = unreadable, .too_deep = too_deep};
  stored.frames.reserve(stack.size());
  for (auto& frame : stack) {
    stored.frames.push_back(*frames_.insert(std::make_shared<const Frame>(std::move(frame))).first);
  }
  const auto shared = *stacks_.insert(std::make_shared<const StoredStack>(std::move(stored))).first;
  const Id id{pid, stack_id};
  if (const auto found = by_id_.find(id); found != by_id_.end()) {
    found->second->stack = shared;
    recent_.splice(recent_.begin(), recent_, found->second);
  } else {
    if (by_id_.size() >= capacity_) {
      by_id_.erase(recent_.back().id);
      recent_.pop_back();
      ++evicted_;
    }
    recent_.push_front({id, shared});
    by_id_.emplace(id, recent_.begin());
  }
  if (frames_.size() + stacks_.size() >= sweep_at_) sweep();
}

StackRef StackStore::find(std::uint32_t pid, std::uint64_t stack_id) {
  const auto found = by_id_.find({pid, stack_id});
  if (found == by_id_.end()) return nullptr;
  recent_.splice(recent_.begin(), recent_, found->second);
  return found->second->stack;
}

void StackStore::forget(std::uint32_t pid) {
  for (auto at = recent_.begin(); at != recent_.end();) {
    if (at->id.pid == pid) {
      by_id_.erase(at->id);
      at = recent_.erase(at);
    } else {
      ++at;
    }
  }
  sweep();
}

// Stacks and frames that only the sets hold are removed in batches: after a sweep the sets may double before the next
// sweep.
void StackStore::sweep() {
  std::erase_if(stacks_, [](const StackRef& stack) { return stack.use_count() == 1; });
  std::erase_if(frames_, [](const FrameRef& frame) { return frame.use_count() == 1; });
  constexpr std::size_t kLeast = 4096;
  sweep_at_ = std::max(kLeast, 2 * (frames_.size() + stacks_.size()));
}

}  // namespace aiotrace::model

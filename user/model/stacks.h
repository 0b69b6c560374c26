// The resolved stacks of all traced processes, each stored once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "model/stall.h"

namespace aiotrace::model {

/// A stack with shared frames. Within a StackStore equal stacks are one object, so that comparing pointers compares
/// stacks.
struct StoredStack {
  std::vector<std::shared_ptr<const Frame>> frames;  ///< innermost first
  bool unreadable = false;                           ///< ends at a frame that could not be read
  bool too_deep = false;                             ///< the outermost frames are missing

  [[nodiscard]] Stack copy() const;
};
using StackRef = std::shared_ptr<const StoredStack>;

/// Stacks by (pid, stack_id), at most `capacity` of them: beyond that the least recently used one is removed (a holder
/// of its StackRef keeps it). BPF sends each stack only once, so the capacity should not be smaller than BPF's map of
/// sent stacks.
class StackStore {
 public:
  static constexpr std::size_t kDefaultCapacity = 16384;
  explicit StackStore(std::size_t capacity = kDefaultCapacity) : capacity_(capacity) {}

  /// Adds the stack with that id, and replaces an earlier one with the same id. Id 0 means no stack and is ignored.
  void add(std::uint32_t pid, std::uint64_t stack_id, Stack stack, bool unreadable = false, bool too_deep = false);

  /// The stack, or null if it is not here (any more). Counts as a use.
  [[nodiscard]] StackRef find(std::uint32_t pid, std::uint64_t stack_id);

  /// Removes all stacks of a process: it ended or called exec.
  void forget(std::uint32_t pid);

  [[nodiscard]] std::size_t size() const { return by_id_.size(); }
  [[nodiscard]] std::size_t frame_count() const { return frames_.size(); }
  [[nodiscard]] std::uint64_t evicted() const { return evicted_; }

 private:
  struct Id {
    std::uint32_t pid;
    std::uint64_t stack_id;
    bool operator==(const Id&) const = default;
  };
  struct IdHash {
    std::size_t operator()(const Id& id) const;
  };
  struct Entry {
    Id id;
    StackRef stack;
  };
  using FrameRef = std::shared_ptr<const Frame>;
  struct ByValue {
    using is_transparent = void;
    std::size_t operator()(const FrameRef& frame) const;
    std::size_t operator()(const StackRef& stack) const;
    bool operator()(const FrameRef& a, const FrameRef& b) const;
    bool operator()(const StackRef& a, const StackRef& b) const;
  };

  void sweep();

  std::size_t capacity_;
  std::uint64_t evicted_ = 0;
  std::size_t sweep_at_ = 4096;
  std::list<Entry> recent_;  // most recently used first
  std::unordered_map<Id, std::list<Entry>::iterator, IdHash> by_id_;
  std::unordered_set<FrameRef, ByValue, ByValue> frames_;
  std::unordered_set<StackRef, ByValue, ByValue> stacks_;
};

}  // namespace aiotrace::model

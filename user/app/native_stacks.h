// --native: whole native stacks, the Python frames in their place among them.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "app/target.h"
#include "model/events.h"
#include "model/stacks.h"
#include "symbolize/symbolizer.h"
#include "symbolize/unwinder.h"

namespace aiotrace::app {

/// Turns a stack of Python frames and a copy of the native one into one stack in the store, under an id of its own.
/// Native frames have the library as their file. A tenth of a millisecond for each, the first through a library some
/// milliseconds.
class NativeStacks {
 public:
  /// Both must outlive this object.
  NativeStacks(symbolize::Symbolizer& symbolizer, model::StackStore& stacks)
      : symbolizer_(symbolizer), stacks_(stacks) {}

  /// A Python stack, for the marks of its frames.
  void add(const model::StackSeen& stack);
  /// A copy: the next sample or block of its thread refers to it.
  void add(model::NativeSeen copy);
  /// The copy that belongs to an event of this thread and iteration; null if it was lost. Valid until the next add().
  [[nodiscard]] const model::NativeSeen* copy_of(const model::EventHead& head, std::uint64_t iteration) const;

  /// The id of the merged stack; `python_stack` is the id of the Python one, 0: none. Without any native frame it is
  /// `python_stack` itself.
  [[nodiscard]] std::uint64_t merge(Target& target, const model::NativeSeen& copy, std::uint64_t python_stack);

  void forget_thread(std::uint32_t tid) { copies_.erase(tid); }
  void forget(std::uint32_t pid) { processes_.erase(pid); }

  /// Native stacks that could not be followed to the thread's start.
  [[nodiscard]] std::uint64_t cut() const { return cut_; }

 private:
  struct OfProcess {
    std::unordered_map<std::uint64_t, std::vector<bool>> entries;  ///< by the id of a Python stack: frames C entered
    std::uint64_t maps_read_ns = 0;
  };
  /// True if frames were dropped whose place among Python's is not known.
  static bool drop_unplaceable(const Target& target, symbolize::NativeStack& native);
  symbolize::NativeStack unwind(Target& target, const model::NativeSeen& copy);

  symbolize::Symbolizer& symbolizer_;
  model::StackStore& stacks_;
  std::unordered_map<std::uint32_t, model::NativeSeen> copies_;  // by tid: the last one
  std::unordered_map<std::uint32_t, OfProcess> processes_;
  std::uint64_t cut_ = 0;
};

}  // namespace aiotrace::app

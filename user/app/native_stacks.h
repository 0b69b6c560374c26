// --native: whole native stacks, with the Python frames at their positions.
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

/// Merges a stack of Python frames and a copy of the native stack into one stack in the store, with an id of its own.
/// Native frames have the library as their file. Takes a tenth of a millisecond per stack; the first one through a
/// library takes some milliseconds.
class NativeStacks {
 public:
  /// Both must outlive this object.
  NativeStacks(symbolize::Symbolizer& symbolizer, model::StackStore& stacks)
      : symbolizer_(symbolizer), stacks_(stacks) {}

  /// Adds a Python stack, for the marks of its frames.
  void add(const model::StackSeen& stack);
  /// Adds a copy: the thread's next sample or block refers to it.
  void add(model::NativeSeen copy);
  /// The copy that belongs to an event of this thread and iteration; null if it was lost. Valid until the next add().
  [[nodiscard]] const model::NativeSeen* copy_of(const model::EventHead& head, std::uint64_t iteration) const;

  /// The id of the merged stack; `python_stack` is the id of the Python one, 0: none. If there is no native frame, it
  /// is `python_stack` itself.
  [[nodiscard]] std::uint64_t merge(Target& target, const model::NativeSeen& copy, std::uint64_t python_stack);

  void forget_thread(std::uint32_t tid) { copies_.erase(tid); }
  void forget(std::uint32_t pid) { processes_.erase(pid); }

  /// Native stacks that could not be followed to the thread's start.
  [[nodiscard]] std::uint64_t cut() const { return cut_; }

 private:
  struct OfProcess {
    std::unordered_map<std::uint64_t, std::vector<bool>>
        entries;  ///< by the id of a Python stack: frames that C code entered
    std::uint64_t maps_read_ns = 0;
  };
  /// True if frames were dropped because their position among Python's is unknown.
  static bool drop_unplaceable(const Target& target, symbolize::NativeStack& native);
  symbolize::NativeStack unwind(Target& target, const model::NativeSeen& copy);

  symbolize::Symbolizer& symbolizer_;
  model::StackStore& stacks_;
  std::unordered_map<std::uint32_t, model::NativeSeen> copies_;  // by tid: the last one
  std::unordered_map<std::uint32_t, OfProcess> processes_;
  std::uint64_t cut_ = 0;
};

}  // namespace aiotrace::app

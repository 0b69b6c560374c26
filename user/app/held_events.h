// What happened in an iteration that may not become a stall: most don't, and to find what a sample was in takes symbol
// tables and mappings of the process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <variant>
#include <vector>

#include "model/events.h"
#include "model/stall_builder.h"

namespace aiotrace::app {

class HeldEvents {
 public:
  using Event = std::variant<model::TaskSeen, model::ClassifiedBlock, model::Sample>;

  /// An iteration with more events than this (about as many milliseconds) is worth its work whatever comes.
  static constexpr std::size_t kMost = 32;

  enum class Verdict {
    held,       ///< and of an iteration that was known
    held_anew,  ///< the first of an iteration; what was held of the one before is dropped
    full,       ///< not held: release() what is, and take this and all that follow at once
  };
  /// `event` is moved from only if it is held.
  Verdict hold(std::uint32_t tid, std::uint64_t iteration, Event& event);

  /// What is held of that iteration, in order; from now on nothing of it is. Nothing if another one's events are held:
  /// a thread may be ahead of what was read of it.
  [[nodiscard]] std::vector<Event> release(std::uint32_t tid, std::uint64_t iteration);

  void forget_thread(std::uint32_t tid) { threads_.erase(tid); }

 private:
  struct Thread {
    std::uint64_t iteration = 0;
    bool released = false;
    std::vector<Event> events;
  };
  std::unordered_map<std::uint32_t, Thread> threads_;
};

}  // namespace aiotrace::app

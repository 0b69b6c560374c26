// Events of an iteration that may not become a stall. Most do not, and the work to explain a sample needs the symbol
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

  /// An iteration with more events than this (about as many milliseconds) is processed at once.
  static constexpr std::size_t kMost = 32;

  enum class Verdict {
    held,       ///< and the iteration is known
    held_anew,  ///< first event of an iteration; the held events of the previous one are dropped
    full,       ///< not held: call release(), then process this event and all that follow at once
  };
  /// `event` is moved from only if it is held.
  Verdict hold(std::uint32_t tid, std::uint64_t iteration, Event& event);

  /// The held events of that iteration, in order; later events of it are not held. Nothing if the held events belong to
  /// another iteration: a thread may be ahead of the events that were read.
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

// Who gets what a tracker finds.
#pragma once

#include <cstdint>
#include <string>

#include "model/stall.h"
#include "model/statistics.h"

namespace aiotrace::app {

/// A loop as it is now, or was when its thread ended.
struct LoopNow {
  std::uint32_t pid = 0;
  std::uint32_t tid = 0;
  model::LoopKind kind = model::LoopKind::other;
  std::uint64_t now_ns = 0;      ///< CLOCK_MONOTONIC, like the following
  std::uint64_t seen_ns = 0;     ///< since when it is traced
  std::uint64_t present_ns = 0;  ///< of the iteration that goes on, the part that aiotrace has seen; 0: it is in none
  model::LoopCounters counters;  ///< of iterations that have ended
};

class TrackerSink {
 public:
  TrackerSink() = default;
  TrackerSink(const TrackerSink&) = delete;
  TrackerSink& operator=(const TrackerSink&) = delete;
  TrackerSink(TrackerSink&&) = default;
  TrackerSink& operator=(TrackerSink&&) = default;
  virtual ~TrackerSink() = default;

  virtual void stall(const model::Stall& stall) = 0;
  /// A stall whose end will not be seen: it was reported before as ongoing.
  virtual void unfinished(const model::Stall& stall) = 0;
  /// A process is traced from now on, or has become another program (exec).
  virtual void process_seen(std::uint32_t /*pid*/, const std::string& /*comm*/) {}
  virtual void process_ended(std::uint32_t /*pid*/) {}
  /// Its thread has ended, or runs another program now.
  virtual void loop_ended(const LoopNow& /*loop*/) {}
};

}  // namespace aiotrace::app

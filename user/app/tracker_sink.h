// The receiver of a tracker's findings.
#pragma once

#include <cstdint>
#include <string>

#include "model/loop_now.h"
#include "model/stall.h"

namespace aiotrace::app {

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
  /// A process is traced from now on, or runs another program (exec).
  virtual void process_seen(std::uint32_t /*pid*/, const std::string& /*comm*/) {}
  virtual void process_ended(std::uint32_t /*pid*/) {}
  /// The loop's thread has ended, or runs another program now.
  virtual void loop_ended(const model::LoopNow& /*loop*/) {}
};

}  // namespace aiotrace::app

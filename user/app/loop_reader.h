// Reads what one loop does now, in a thread of its own, so that no stall is delayed.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>

#include "app/pauses.h"
#include "model/loop_look.h"
#include "proc/process.h"

namespace aiotrace::app {

class LoopReader {
 public:
  /// Looks at once and then every 2 s, less often if a look takes long: at most 5 % of a CPU.
  LoopReader(proc::Process process, std::uint32_t tid);
  LoopReader(const LoopReader&) = delete;
  LoopReader& operator=(const LoopReader&) = delete;
  /// Cancels a running look.
  ~LoopReader();

  /// The last look; null before the first. Can be called from any thread.
  [[nodiscard]] std::shared_ptr<const model::LoopLook> last() const;

 private:
  void work();
  [[nodiscard]] model::LoopLook look() const;

  proc::Process process_;
  std::uint32_t tid_;
  Pauses pauses_;
  mutable std::mutex mutex_;  // of the next one
  std::shared_ptr<const model::LoopLook> last_;
  std::atomic<bool> cancel_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace aiotrace::app

// Leak scans while stalls are watched: each process is scanned in a thread of its own, so that no stall is delayed.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "app/background.h"
#include "app/leak_scanner.h"
#include "app/pauses.h"
#include "model/leaks.h"
#include "proc/process.h"

namespace aiotrace::app {

class LeakWatch {
 public:
  /// The findings of one scan, without idle tasks.
  struct Look {
    model::LeakScan scan;
    std::vector<model::Leak> leaks;
  };

  /// Starts at once: the first scan after 10 s (at the end of a shorter run), then one every 30 s, less often if scans
  /// would cost more than 0.25 % of a CPU. A process that is not Python yet is checked again at growing intervals.
  explicit LeakWatch(proc::Process process, LookShare share = {});
  LeakWatch(const LeakWatch&) = delete;
  LeakWatch& operator=(const LeakWatch&) = delete;
  /// Cancels a running scan.
  ~LeakWatch() { end(true); }

  /// Ends the watch: if there was no scan yet, makes one and waits for it.
  void finish() { end(false); }
  /// The scans since the last call. Can be called from any thread.
  [[nodiscard]] std::vector<Look> take();
  /// Returned once, after a scan that found a loop of another library: "this is trio 0.30.0: its tasks are not read".
  /// Can be called from any thread.
  [[nodiscard]] std::optional<std::string> take_not_asyncio();

 private:
  void end(bool at_once);
  void work();
  [[nodiscard]] bool scan();

  proc::Process process_;
  LookShare share_;
  Pauses pauses_;
  std::mutex mutex_;  // of the next three
  std::vector<Look> looks_;
  std::optional<std::string> not_asyncio_;
  bool not_asyncio_taken_ = false;
  std::atomic<bool> cancel_ = false;  // the running scan
  LeakScanner scanner_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace aiotrace::app

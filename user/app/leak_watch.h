// Leaks beside the watching of stalls: each process is looked at in a thread of its own, so that no stall waits for it.
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
  /// What one scan found, without tasks that are idle.
  struct Look {
    model::LeakScan scan;
    std::vector<model::Leak> leaks;
  };

  /// Begins at once: the first scan after 10 s (at the end of a shorter run), then one every 30 s, less often where it
  /// takes so long that it would cost more than 0.25 % of a CPU. A process that is no Python yet is asked again, at
  /// growing intervals.
  explicit LeakWatch(proc::Process process, LookShare share = {});
  LeakWatch(const LeakWatch&) = delete;
  LeakWatch& operator=(const LeakWatch&) = delete;
  /// A scan that is under way is given up.
  ~LeakWatch() { end(true); }

  /// Ends it with a scan if there was none yet, and waits for that.
  void finish() { end(false); }
  /// The scans since the last call. From any thread.
  [[nodiscard]] std::vector<Look> take();
  /// Once, after a scan that found a loop of another library: "this is trio 0.30.0: its tasks are not read". From any
  /// thread.
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
  std::atomic<bool> cancel_ = false;  // what is under way
  LeakScanner scanner_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace aiotrace::app

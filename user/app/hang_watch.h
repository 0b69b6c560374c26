// Hangs beside the watching of stalls: each process is looked at in a thread of its own, so that no stall waits for it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "app/background.h"
#include "app/hang_scanner.h"
#include "app/pauses.h"
#include "model/hang_news.h"
#include "model/hang_run.h"
#include "proc/process.h"

namespace aiotrace::app {

class HangWatch {
 public:
  /// The first look after 1 s, then one every 10 s, less often where looks take so long that they would cost more than
  /// 0.25 % of a CPU, and one at the end. A process that is no Python yet is asked again, at growing intervals.
  explicit HangWatch(proc::Process process, LookShare share = {});
  HangWatch(const HangWatch&) = delete;
  HangWatch& operator=(const HangWatch&) = delete;
  /// A look that is under way is given up.
  ~HangWatch() { end(true); }

  /// Ends it with a last look, and waits for that.
  void finish() { end(false); }
  /// What is to be reported since the last call. From any thread.
  [[nodiscard]] std::vector<model::ScannedHangs> take();
  /// Looks so far, but for those that found nothing and missed more than a twentieth of the tasks; and what was
  /// reported of the process, each as it was found last. From any thread.
  [[nodiscard]] std::uint64_t looks() const;
  [[nodiscard]] std::vector<model::Hang> reported() const;
  /// The last look, with what of it is or was reported; null before the first. From any thread.
  [[nodiscard]] std::shared_ptr<const model::ScannedHangs> last() const;

 private:
  void end(bool at_once);
  void work();
  [[nodiscard]] bool look();

  proc::Process process_;
  LookShare share_;
  Pauses pauses_;
  mutable std::mutex mutex_;  // of the next four
  std::vector<model::ScannedHangs> to_report_;
  std::vector<model::Hang> reported_;
  std::uint64_t looks_ = 0;
  std::shared_ptr<const model::ScannedHangs> last_;
  model::HangNews news_;
  std::atomic<bool> cancel_ = false;  // what is under way
  HangScanner scanner_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace aiotrace::app

// One run that watches event loops: from the first process to the summary.
#pragma once

#include <poll.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "app/hang_watch.h"
#include "app/leak_watch.h"
#include "app/outputs.h"
#include "app/requests.h"
#include "app/spinning_loops.h"
#include "app/target.h"
#include "app/tracker.h"
#include "app/unseen_loops.h"
#include "model/loop_now.h"
#include "model/summary.h"
#include "model/top_row.h"
#include "probe/probe.h"
#include "util/result.h"

namespace aiotrace::app {

struct SessionConfig {
  TrackerConfig tracker;
  std::optional<std::uint64_t> duration_ns;
  bool starting = false;   ///< the target is a program that is about to be started
  bool leaks = false;      ///< look for leaks too (not with `tracker.all`)
  bool hangs = false;      ///< look for hangs too (not with `tracker.all`)
  bool recording = false;  ///< from time to time the outputs get the summary so far
  /// With many loops: data for which BPF does not wake aiotrace is read less often, the looks for leaks and hangs at
  /// all processes together take the time of one process, and the cost of BPF programs is not measured.
  bool frugal = false;
};

/// Work that a run does beside watching, in the same thread: a live view.
class Beside {
 public:
  Beside() = default;
  Beside(const Beside&) = delete;
  Beside& operator=(const Beside&) = delete;
  virtual ~Beside() = default;

  /// Adds the descriptors that wake the run.
  virtual void add_fds(std::vector<pollfd>& fds) = 0;
  /// Called after each wait. Returns the latest time of the next call (monotonic_ns()); 0: the run has to end.
  virtual std::uint64_t turn(std::uint64_t now_ns) = 0;
};

class Session {
 public:
  /// `probe` is loaded and not attached yet; it and `outputs` must outlive the session.
  Session(SessionConfig config, probe::Probe& probe, Outputs& outputs);

  /// Attaches. After it returns, no event of these processes is missed.
  Status begin(std::vector<Target> targets);
  /// Runs until the time is over, all targets have ended, or the user requests the end. `requests_fd` is readable when
  /// `requests` is not empty. `beside` may be null.
  void watch(int requests_fd, const std::function<Requests()>& requests, Beside* beside = nullptr);
  /// Writes the summary and returns it. To be called once.
  model::Summary finish();

  [[nodiscard]] std::uint64_t longest_stall_ns() const { return tracker_.longest_stall_ns(); }
  [[nodiscard]] TargetSet& targets() { return tracker_.targets(); }
  [[nodiscard]] std::vector<model::LoopNow> loops_now(std::uint64_t now_ns) const { return tracker_.loops_now(now_ns); }
  /// Findings of the looks for leaks and hangs so far, by pid.
  [[nodiscard]] std::map<std::uint32_t, model::ProcessLooks> looks() const;
  /// The last look for hangs at a process, and the hangs that were reported; null: no look yet.
  [[nodiscard]] std::shared_ptr<const model::ScannedHangs> last_hangs(std::uint32_t pid) const;
  /// The data that outputs got at the beginning, with the present targets.
  [[nodiscard]] model::Watching watching();
  [[nodiscard]] model::Summary summary(std::uint64_t now_ns) const;

 private:
  void report_poll_probe();
  void report_children();
  void take_requests(const std::function<Requests()>& requests);
  void take_ended(const std::vector<pollfd>& fds);
  void tick(std::uint64_t now_ns);
  [[nodiscard]] std::uint64_t tick_ns() const;
  void report_waiting(std::uint64_t now_ns);
  void watch_leaks_and_hangs();
  void take_leaks();
  void take_hangs();
  void look_for_unseen(std::uint64_t now_ns);
  void look_for_spinning(std::uint64_t now_ns);

  SessionConfig config_;
  probe::Probe& probe_;
  Tracker tracker_;
  Outputs& outputs_;
  std::uint64_t began_ns_ = 0;
  std::uint64_t next_so_far_ns_ = 0;
  std::uint64_t next_unseen_ns_ = 0;
  bool stop_ = false;
  UnseenLoops unseen_;
  SpinningLoops spinning_;
  std::map<std::uint32_t, std::unique_ptr<LeakWatch>> leak_watches_;  // by pid
  std::map<std::uint32_t, LeakWatch::Look> last_leaks_;
  std::map<std::uint32_t, std::unique_ptr<HangWatch>> hang_watches_;
};

}  // namespace aiotrace::app

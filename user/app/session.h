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
#include "model/summary.h"
#include "probe/probe.h"
#include "util/result.h"

namespace aiotrace::app {

struct SessionConfig {
  TrackerConfig tracker;
  std::optional<std::uint64_t> duration_ns;
  bool starting = false;   ///< the target is a program that is about to be started
  bool leaks = false;      ///< look for leaks too (not with `tracker.all`)
  bool hangs = false;      ///< look for hangs too (not with `tracker.all`)
  bool recording = false;  ///< now and then the outputs get the summary so far
};

class Session {
 public:
  /// `probe` is loaded and not attached yet; it and `outputs` must outlive the session.
  Session(SessionConfig config, probe::Probe& probe, Outputs& outputs);

  /// Attaches. When it returns, nothing of these processes is missed.
  Status begin(std::vector<Target> targets);
  /// Until the end: of the time, of all targets, or as asked. `requests_fd` is readable when `requests` has something.
  void watch(int requests_fd, const std::function<Requests()>& requests);
  /// Writes the summary; gives it. Once.
  model::Summary finish();

  [[nodiscard]] std::uint64_t longest_stall_ns() const { return tracker_.longest_stall_ns(); }
  [[nodiscard]] TargetSet& targets() { return tracker_.targets(); }

 private:
  [[nodiscard]] model::Summary summary(std::uint64_t now_ns) const;
  void report_poll_probe();
  void report_children();
  void take_requests(const std::function<Requests()>& requests);
  void take_ended(const std::vector<pollfd>& fds);
  void tick(std::uint64_t now_ns);
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
  bool stop_ = false;
  UnseenLoops unseen_;
  SpinningLoops spinning_;
  std::map<std::uint32_t, std::unique_ptr<LeakWatch>> leak_watches_;  // by pid
  std::map<std::uint32_t, LeakWatch::Look> last_leaks_;
  std::map<std::uint32_t, std::unique_ptr<HangWatch>> hang_watches_;
};

}  // namespace aiotrace::app

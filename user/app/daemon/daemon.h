// The daemon: the tracker of stalls for the whole machine, and what serves its counts.
//
// One thread waits for the ring buffer, the signals and the listener's sockets alike. What a request costs is bounded
// (a text of some MB is a few ms), the ring buffer takes the records of that time, and nothing is shared between
// threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/daemon/config_file.h"
#include "app/daemon/event_loop.h"
#include "app/daemon/fleet_counts.h"
#include "app/daemon/http_listener.h"
#include "app/daemon/notify.h"
#include "app/daemon/otlp_exporter.h"
#include "app/daemon/process_looks.h"
#include "app/daemon/recorder.h"
#include "app/daemon/stall_profiles.h"
#include "app/requests.h"
#include "app/tracker.h"
#include "fleet/exposition.h"
#include "probe/probe.h"
#include "util/result.h"

namespace aiotrace::app {

struct DaemonConfig {
  TrackerConfig tracker;
  bool other_loops = false;          ///< count those of programs that are no Python too
  std::optional<ConfigFile> file{};  ///< that `settings` were read from
  fleet::Config settings{};
};

class Daemon {
 public:
  /// `probe` is loaded and not attached yet. They must outlive the daemon.
  /// `recorder` may be null.
  Daemon(DaemonConfig config, EventLoop& loop, HttpListener& listener, probe::Probe& probe,
         std::unique_ptr<Recorder> recorder);

  /// Attaches: nothing is missed when it returns.
  Status begin();
  /// Until it is asked to stop. `requests_fd` is readable when `requests` has something.
  Status run(int requests_fd, const std::function<Requests()>& requests);

 private:
  void turn();
  void tick(std::uint64_t now_ns);
  void look_at_files(std::uint64_t now_ns);
  void reload();
  Status read_settings();
  void finish();
  void read_loops();
  void take_requests(const std::function<Requests()>& requests);
  [[nodiscard]] Reply answer(std::string_view path, std::string_view accept);
  [[nodiscard]] fleet::SelfMetrics self() const;
  void take_stall(const proc::Service& service, const model::Stall& stall, bool unfinished);
  void begin_exports();
  void take_looks();
  void take(const ProcessLooks::Found& found);
  void send(const fleet::Event& event, std::uint32_t pid);
  [[nodiscard]] std::vector<std::string> metric_requests();

  DaemonConfig config_;
  EventLoop& loop_;
  HttpListener& listener_;
  probe::Probe& probe_;
  FleetCounts counts_;
  Tracker tracker_;
  std::unique_ptr<Recorder> recorder_;
  fleet::Emitter emitter_;
  std::unique_ptr<OtlpExporter> otlp_;  // null: none is configured
  std::optional<ProcessLooks> looks_;
  std::unique_ptr<StallProfiles> profiles_;  // null: none is configured
  ServiceManager manager_;
  std::unique_ptr<EventLoop::Event> next_turn_;
  std::string kernel_;
  std::optional<std::uint64_t> map_bytes_;
  std::uint64_t began_ns_ = 0;
  std::uint64_t next_tick_ns_ = 0;
  std::optional<bool> settings_are_fresh_;
  std::uint64_t next_read_ns_ = 0;
  std::uint64_t next_files_ns_ = 0;
};

}  // namespace aiotrace::app

#include "app/daemon/daemon.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <set>
#include <utility>

#include "app/daemon/events.h"
#include "app/probe_setup.h"
#include "app/tick.h"
#include "proc/service.h"
#include "proc/text_file.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/version.h"

namespace aiotrace::app {

namespace {

// Without a scrape: what a loop counts is taken over before its thread can be another program's.
constexpr std::uint64_t kReadNs = 30'000'000'000;
constexpr std::uint64_t kFilesNs = 1'000'000'000;
// The end takes 5 s at most, with what the ring buffer still has.
constexpr std::uint64_t kFlushNs = 3'000'000'000;
// Of a request with metrics, some more at most: what receivers take, and what is made in one turn.
constexpr std::size_t kMetricBytes = 500'000;

std::string host_name() {
  char name[256]{};
  return ::gethostname(name, sizeof name - 1) == 0 ? proc::service_text(name) : "";
}

/// Of this process, now.
std::optional<std::uint64_t> resident_bytes() {
  // proc_pid_statm(5): size, resident, … in pages.
  const auto text = proc::read_text("/proc/self/statm", 256);
  if (!text) return std::nullopt;
  const auto blank = text->find(' ');
  std::uint64_t pages = 0;
  if (blank == std::string::npos ||
      std::from_chars(text->data() + blank + 1, text->data() + text->size(), pages).ec != std::errc{})
    return std::nullopt;
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

Reply plain(int status, std::string body) {
  return {.status = status, .type = "text/plain; charset=utf-8", .body = std::move(body)};
}

}  // namespace

Daemon::Daemon(DaemonConfig config, EventLoop& loop, HttpListener& listener, probe::Probe& probe,
               std::unique_ptr<Recorder> recorder)
    : config_(std::move(config)),
      loop_(loop),
      listener_(listener),
      probe_(probe),
      counts_({.warn_ns = config_.tracker.warn_ns, .other_loops = config_.other_loops}),
      tracker_(config_.tracker, probe, counts_),
      recorder_(std::move(recorder)),
      kernel_(kernel_release()) {
  if (config_.file) settings_are_fresh_ = true;
  counts_.on_stall([this](const proc::Service& service, const model::Stall& stall, bool unfinished) {
    take_stall(service, stall, unfinished);
  });
}

void Daemon::take_stall(const proc::Service& service, const model::Stall& stall, bool unfinished) {
  if (recorder_) recorder_->add(service, stall, unfinished);
  const auto profile = profiles_ && !unfinished ? profiles_->stall(service, stall, monotonic_ns()) : std::string();
  if (!otlp_) return;
  auto event = stall_event(stall, unfinished, realtime_minus_monotonic_ns());
  if (!profile.empty()) event.attributes.emplace_back("profile.id", profile);
  otlp_->add(fleet::encode(event, service, stall.pid, emitter_));
}

void Daemon::send(const fleet::Event& event, std::uint32_t pid) {
  if (otlp_) otlp_->add(fleet::encode(event, counts_.service_of(pid), pid, emitter_));
}

void Daemon::take(const ProcessLooks::Found& found) {
  const auto offset_ns = realtime_minus_monotonic_ns();
  counts_.looked(found.pid, found.tasks, found.leaks);
  for (const auto& look : found.hangs) {
    for (const auto& hang : look.hangs) send(hang_event(hang, look.scan, offset_ns), found.pid);
  }
  for (const auto& leak : found.new_leaks) send(leak_event(leak, found.scan, offset_ns), found.pid);
}

void Daemon::take_looks() {
  if (!looks_) return;
  looks_->take([this](const ProcessLooks::Found& found) { take(found); });
}

void Daemon::begin_exports() {
  emitter_ = {.host = host_name(), .version = kVersion};
  if (config_.settings.profiles.endpoint)
    profiles_ = std::make_unique<StallProfiles>(loop_, config_.settings.profiles, emitter_.host);
  if (const auto& looks = config_.settings.looks; looks.hangs || looks.leaks) looks_.emplace(looks);
  if (config_.settings.otlp.endpoint)
    otlp_ = std::make_unique<OtlpExporter>(loop_, config_.settings.otlp, emitter_,
                                           [this] { return metric_requests(); });
}

std::vector<std::string> Daemon::metric_requests() {
  read_loops();
  const auto offset_ns = realtime_minus_monotonic_ns();
  return fleet::otlp_metrics(counts_.registry(), self(),
                             {.now_unix_ns = static_cast<std::int64_t>(monotonic_ns()) + offset_ns,
                              .start_unix_ns = static_cast<std::int64_t>(began_ns_) + offset_ns,
                              .realtime_minus_monotonic_ns = offset_ns},
                             emitter_, kMetricBytes);
}

Status Daemon::begin() {
  began_ns_ = monotonic_ns();
  begin_exports();
  if (auto status = probe_.attach(); !status) return status;
  tracker_.add_all_running();
  map_bytes_ = probe_.map_bytes();
  probe_.measure_cost_now_and_then(monotonic_ns());
  listener_.serve([this](std::string_view path, std::string_view accept) { return answer(path, accept); });
  return {};
}

Status Daemon::run(int requests_fd, const std::function<Requests()>& requests) {
  next_turn_ = loop_.timer([this] { turn(); });
  auto records = loop_.on_readable(probe_.fd(), [this] { turn(); });
  const auto asked = loop_.on_readable(requests_fd, [&] { take_requests(requests); });
  const auto now_ns = monotonic_ns();
  next_tick_ns_ = now_ns + kTickNs;
  next_read_ns_ = now_ns + kFilesNs;  // soon: looks begin at what has loops
  next_turn_->after(kTickNs);
  if (auto status = manager_.ready("traces " + std::to_string(tracker_.targets().alive()) + " processes"); !status)
    say(status.error().message());
  auto status = loop_.run();
  records.reset();
  next_turn_->cancel();
  if (auto stopping = manager_.stopping(); !stopping) say(stopping.error().message());
  finish();
  return status;
}

void Daemon::take_requests(const std::function<Requests()>& requests) {
  const auto asked = requests();
  if (asked.reload) reload();
  if (asked.stop) loop_.stop();
}

// Stalls that go on are reported a last time.
void Daemon::finish() {
  probe_.stop();
  const auto now_ns = monotonic_ns();
  constexpr int kMostRounds = 40;  // of 30 ms each: who floods the ring does not prolong the end
  for (int round = 0; round < kMostRounds; ++round) {
    if (auto status = tracker_.consume(); !status) say(status.error().message());
    if (probe_.drained()) break;
  }
  tracker_.finish(now_ns);
  if (recorder_) recorder_->finish(now_ns);
  listener_.serve(nullptr);
  take_looks();
  looks_.reset();
  if (otlp_) otlp_->flush(kFlushNs);
}

Status Daemon::read_settings() {
  auto settings = config_.file->read();
  if (!settings) {
    for (const auto& error : settings.error()) say(error.message());
    return fail("read the configuration anew", "it has mistakes", "the one before stays in use");
  }
  if (const auto names = fleet::fixed_differences(config_.settings, *settings); !names.empty())
    return fail("read the configuration anew", names.front() + " cannot change while aiotrace runs",
                "restart it; until then the one before stays in use");
  if (settings->selection != config_.settings.selection)
    tracker_.select(
        {.comm = {}, .cgroup = {}, .selection = std::make_shared<const fleet::Selection>(settings->selection)});
  config_.settings = std::move(*settings);
  return {};
}

void Daemon::reload() {
  if (!config_.file) return say("there is no configuration to read anew: give --config FILE");
  if (auto status = manager_.reloading(); !status) say(status.error().message());
  const auto status = read_settings();
  settings_are_fresh_ = status.has_value();
  say(status ? "read " + config_.file->path() + " anew" : status.error().message());
  if (auto ready = manager_.ready("traces " + std::to_string(tracker_.targets().alive()) + " processes"); !ready)
    say(ready.error().message());
}

void Daemon::look_at_files(std::uint64_t now_ns) {
  if (now_ns < next_files_ns_) return;
  next_files_ns_ = now_ns + kFilesNs;
  if (config_.file && config_.file->changed()) reload();
  if (recorder_) recorder_->forget_old();
  take_looks();
  if (profiles_) profiles_->look();
}

void Daemon::turn() {
  if (auto status = tracker_.consume(); !status) say(status.error().message());
  const auto now_ns = monotonic_ns();
  if (now_ns >= next_tick_ns_) {
    next_tick_ns_ = now_ns + frugal_tick_ns(tracker_.loops_seen());
    tick(now_ns);
  }
  next_turn_->after(next_tick_ns_ > now_ns ? next_tick_ns_ - now_ns : 0);
}

void Daemon::tick(std::uint64_t now_ns) {
  probe_.measure_cost_now_and_then(now_ns);
  tracker_.report_ongoing(now_ns);
  tracker_.stop_idle(now_ns);
  tracker_.show_queues();
  // Not at each turn: it goes through all processes. One that is due waits for a tick at most.
  (void)tracker_.look(now_ns);
  manager_.alive(now_ns);
  look_at_files(now_ns);
  if (now_ns >= next_read_ns_) read_loops();
}

void Daemon::read_loops() {
  std::set<std::uint32_t> pids;
  tracker_.read_loops([&](const model::LoopNow& loop) {
    counts_.take(loop);
    if (loop.kind != model::LoopKind::other) pids.insert(loop.pid);
  });
  // Not before all is in place: a thread keeps the capabilities that it was started with.
  if (looks_) looks_->follow(pids, [this](std::uint32_t pid) { counts_.end_looks(pid); });
  const auto now_ns = monotonic_ns();
  counts_.forget(now_ns);
  next_read_ns_ = now_ns + kReadNs;
}

fleet::SelfMetrics Daemon::self() const {
  auto dropped = recorder_ ? recorder_->dropped() : std::vector<fleet::Dropped>();
  if (otlp_) std::ranges::copy(otlp_->dropped(), std::back_inserter(dropped));
  if (profiles_) std::ranges::copy(profiles_->dropped(), std::back_inserter(dropped));
  const auto cost = own_cost(probe_);
  return {.version = kVersion,
          .kernel = kernel_,
          .cpu_ns = cost.cpu_ns,
          .bpf_ns = cost.bpf_ns,
          .resident_bytes = resident_bytes(),
          .map_bytes = map_bytes_,
          .targets = tracker_.targets().alive(),
          .losses = tracker_.losses(),
          .dropped = std::move(dropped),
          .http_refused = listener_.refused(),
          .configuration_is_fresh = settings_are_fresh_,
          .recorder_bytes = recorder_ ? std::optional(recorder_->bytes()) : std::nullopt};
}

Reply Daemon::answer(std::string_view path, std::string_view accept) {
  if (path == "/-/healthy") return plain(200, "aiotrace is alive\n");
  if (path == "/-/ready") return plain(200, "aiotrace is ready: every probe is in place\n");
  if (path == "/") return plain(200, "aiotrace " + std::string(kVersion) + ": /metrics /-/healthy /-/ready\n");
  if (path != "/metrics") return plain(404, "there is no such page\n");
  // What has ended by now is counted.
  if (auto status = tracker_.consume(); !status) say(status.error().message());
  read_loops();
  const auto format = fleet::format_for(accept);
  return {.status = 200,
          .type = std::string(fleet::content_type(format)),
          .body = fleet::exposition(counts_.registry(), self(), format, realtime_minus_monotonic_ns())};
}

}  // namespace aiotrace::app

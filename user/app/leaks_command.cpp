#include "app/leaks_command.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <list>
#include <memory>

#include "app/leak_scanner.h"
#include "app/outputs.h"
#include "app/session.h"
#include "app/tracker.h"
#include "output/file_sink.h"
#include "output/leaks.h"
#include "util/text.h"

namespace aiotrace::app {
namespace {

constexpr std::uint64_t kLongestGlanceNs = 2'000'000'000;
constexpr std::uint64_t kShortestGlanceNs = 200'000'000;
constexpr std::size_t kWide = 200;

/// One process that is looked at.
struct Watched {
  explicit Watched(proc::Process opened, std::uint64_t age_ns) : process(std::move(opened)), scanner(process, age_ns) {}
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

  proc::Process process;
  LeakScanner scanner;
  std::vector<model::Leak> leaks;  // of the last scan
  bool ended = false;
};

class LeaksRun {
 public:
  explicit LeaksRun(const LeaksOptions& options) : options_(options) {}

  Status open();
  /// Until there is nothing more to look for, or a signal.
  Status run(int signals);
  int finish();

 private:
  Status scan_all(bool tell);
  void write(const std::string& json, const std::vector<std::string>& text);
  void note(output::FileSink& sink, const Status& status);
  bool wait_until(std::uint64_t time_ns, int signals);
  void glance();

  const LeaksOptions& options_;
  output::OutputContext context_;
  std::unique_ptr<output::FileSink> json_;
  std::unique_ptr<output::FileSink> text_;
  std::list<Watched> watched_;
  model::LeakSummary summary_;
  std::uint64_t begin_ns_ = monotonic_ns();
  std::uint64_t round_ = 0;
  bool leak_ = false;
  bool failed_ = false;
  bool reader_gone_ = false;
};

void LeaksRun::note(output::FileSink& sink, const Status& status) {
  if (status) return;
  if (sink.last_errno() == EPIPE) {
    reader_gone_ = true;
    return;
  }
  if (!failed_) say(status.error().message());
  failed_ = true;
}

void LeaksRun::write(const std::string& json, const std::vector<std::string>& text) {
  if (json_ && !json.empty()) note(*json_, json_->write_line(json));
  if (!text_ || options_.quiet) return;
  for (const auto& line : text) note(*text_, text_->write_line(line));
}

Status LeaksRun::open() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  context_.realtime_minus_monotonic_ns = static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec -
                                         static_cast<std::int64_t>(begin_ns_);
  context_.verbose = options_.verbose;
  if (options_.json) {
    auto sink = output::FileSink::open(*options_.json);
    if (!sink) return std::unexpected(sink.error());
    json_ = std::move(*sink);
  }
  if (!options_.json || *options_.json != "-") {
    auto sink = output::FileSink::standard_output();
    if (!sink) return std::unexpected(sink.error());
    text_ = std::move(*sink);
    const char* no_color = std::getenv("NO_COLOR");
    winsize size{};
    context_.color = text_->is_terminal() && (no_color == nullptr || *no_color == '\0');
    const bool sized = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col != 0;
    context_.columns = sized ? size.ws_col : kWide;
  }
  for (const std::int32_t pid : options_.pids) {
    auto process = proc::Process::open(pid);
    if (!process) return std::unexpected(process.error());
    watched_.emplace_back(std::move(*process), options_.age_ns);
  }
  return {};
}

Status LeaksRun::scan_all(bool tell) {
  ++round_;
  for (Watched& each : watched_) {
    if (each.ended) continue;
    const auto scan = each.scanner.scan();
    if (!scan) {
      // One that ends while it is watched is no failure.
      if (round_ > 1 && !each.process.alive()) {
        each.ended = true;
        continue;
      }
      return std::unexpected(scan.error());
    }
    each.leaks = each.scanner.leaks();
    leak_ = leak_ || std::ranges::any_of(each.leaks, &model::Leak::leak);
    summary_.max_scan_ns = std::max(summary_.max_scan_ns, scan->duration_ns);
    summary_.losses.swapped_bytes += scan->swapped_bytes;
    summary_.losses.unreadable_bytes += scan->unreadable_bytes;
    summary_.losses.objects_over_limit += scan->objects_over_limit;
    summary_.losses.unconfirmed += scan->unconfirmed;
    summary_.losses.untold += scan->untold;
    if (!tell) continue;
    for (const auto& leak : each.leaks) write(output::leak_json(leak), {});
    write(output::leak_scan_json(*scan), output::leak_scan_lines(*scan, each.leaks, round_ == 1, context_));
  }
  summary_.scans = round_;
  return {};
}

void LeaksRun::glance() {
  for (Watched& each : watched_) {
    if (!each.ended) each.scanner.glance();
  }
}

// False: a signal came, nobody reads any more, or no process is left.
bool LeaksRun::wait_until(std::uint64_t time_ns, int signals) {
  const std::uint64_t interval = options_.watch_ns.value_or(options_.age_ns);
  const std::uint64_t step = std::clamp(interval / 8, kShortestGlanceNs, kLongestGlanceNs);
  std::uint64_t next_glance_ns = monotonic_ns() + step;
  while (!reader_gone_) {
    std::vector<pollfd> fds = {{signals, POLLIN, 0}};
    for (const Watched& each : watched_) {
      if (!each.ended) fds.push_back({each.process.pidfd(), POLLIN, 0});
    }
    if (fds.size() == 1) return false;
    const std::uint64_t now = monotonic_ns();
    if (now >= time_ns) return true;
    const std::uint64_t left = std::min(time_ns, next_glance_ns) - std::min(now, next_glance_ns);
    const timespec timeout{static_cast<time_t>(left / 1'000'000'000), static_cast<long>(left % 1'000'000'000)};
    const int ready = ppoll(fds.data(), fds.size(), &timeout, nullptr);
    if (ready < 0 && errno != EINTR) return false;
    if (fds[0].revents != 0) return false;
    for (Watched& each : watched_) {
      if (ready > 0 && !each.process.alive()) each.ended = true;
    }
    if (monotonic_ns() >= next_glance_ns) {
      glance();
      next_glance_ns = monotonic_ns() + step;
    }
  }
  return false;
}

Status LeaksRun::run(int signals) {
  const bool twice = options_.looks_twice();
  if (auto status = scan_all(!twice); !status) return status;
  if (twice) {
    const bool whole = wait_until(monotonic_ns() + options_.age_ns, signals);
    if (whole) return scan_all(true);
    for (const Watched& each : watched_) {
      for (const auto& leak : each.leaks) write(output::leak_json(leak), {});
      write({}, output::leak_lines(each.leaks, 0, context_));
    }
    return {};
  }
  if (!options_.watch_ns) return {};
  const std::uint64_t end_ns = options_.duration_ns ? begin_ns_ + *options_.duration_ns : UINT64_MAX;
  std::uint64_t next_ns = begin_ns_ + *options_.watch_ns;
  while (next_ns <= end_ns && wait_until(next_ns, signals)) {
    if (auto status = scan_all(true); !status) return status;
    // A scan that takes longer than its interval is not followed by another at once.
    next_ns = std::max(next_ns + *options_.watch_ns, monotonic_ns() + *options_.watch_ns / 4);
  }
  return {};
}

int LeaksRun::finish() {
  for (const Watched& each : watched_) {
    for (const auto& leak : each.leaks) {
      auto& counts = leak.leak ? summary_.leaks : summary_.candidates;
      counts[static_cast<std::size_t>(leak.leak_class)] += leak.count.value_or(1);
    }
  }
  const std::uint64_t now = monotonic_ns();
  summary_.elapsed_ns = now - begin_ns_;
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    const auto ns = [](const timeval& time) {
      return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_usec) * 1000;
    };
    summary_.cpu_ns = ns(usage.ru_utime) + ns(usage.ru_stime);
    summary_.rss_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
  }
  write(output::leak_summary_json(summary_, now, context_), {});
  if (failed_) return kExitFailure;
  return options_.fail_on_leak && leak_ ? kExitStall : 0;
}

}  // namespace

int run_leaks(int argc, const char* const* argv) {
  const auto options = parse_leaks_options(argc, argv);
  if (!options) return report(options.error());
  sigset_t these;
  sigemptyset(&these);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&these, number);
  sigprocmask(SIG_BLOCK, &these, nullptr);
  signal(SIGPIPE, SIG_IGN);
  const UniqueFd signals(signalfd(-1, &these, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) return report(fail_errno("receive signals", errno).error());
  if (options->message) {
    auto out = output::FileSink::standard_output();
    if (!out) return report(out.error());
    const auto status = (*out)->write_line(*options->message);
    return status ? 0 : report(status.error());
  }
  LeaksRun run(*options);
  if (auto status = run.open(); !status) return report(status.error());
  if (auto status = run.run(signals.get()); !status) return report(status.error());
  return run.finish();
}

}  // namespace aiotrace::app

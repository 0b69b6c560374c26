#include "app/leaks_command.h"

#include <poll.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <list>
#include <vector>

#include "app/arguments.h"
#include "app/command_output.h"
#include "app/leak_scanner.h"
#include "app/session.h"
#include "app/signals.h"
#include "output/file_sink.h"
#include "output/labels.h"
#include "output/leaks.h"
#include "probe/privileges.h"
#include "util/clock.h"

namespace aiotrace::app {
namespace {

constexpr std::uint64_t kLongestGlanceNs = 2'000'000'000;
constexpr std::uint64_t kShortestGlanceNs = 200'000'000;

/// One process that is looked at.
struct Watched {
  Watched(proc::Process opened, std::uint64_t age_ns, const std::atomic<bool>* stop)
      : process(std::move(opened)), scanner(process, age_ns, stop, LeakScanner::Holders::find) {}
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

  proc::Process process;
  LeakScanner scanner;
  std::vector<model::Leak> leaks;  // of the last scan
  model::LeakScan scan;
  bool ended = false;
};

class LeaksRun {
 public:
  /// `html`: null where no page is wanted.
  LeaksRun(const LeaksOptions& options, CommandOutput& out, output::FileSink* html,
           const std::atomic<bool>* interrupted)
      : options_(options), out_(out), html_(html), interrupted_(interrupted) {}

  Status open();
  /// Until there is nothing more to look for, or a signal.
  Status run(int signals);
  int finish();

 private:
  Status scan_all(bool tell_them);
  void tell(const Watched& each);
  bool wait_until(std::uint64_t time_ns, int signals);
  void glance();

  const LeaksOptions& options_;
  CommandOutput& out_;
  output::FileSink* html_;
  const std::atomic<bool>* interrupted_;
  std::list<Watched> watched_;
  model::LeakSummary summary_;
  model::LeakHistory history_;
  std::uint64_t begin_ns_ = monotonic_ns();
  std::uint64_t round_ = 0;
  bool leak_ = false;
  bool undecided_ = false;
};

void LeaksRun::tell(const Watched& each) {
  for (const auto& leak : each.leaks) out_.json(output::leak_json(leak));
  out_.json(output::leak_scan_json(each.scan));
  if (!options_.quiet) out_.text(output::leak_scan_lines(each.scan, each.leaks, round_ == 1, out_.context()));
}

Status LeaksRun::open() {
  for (const std::int32_t pid : options_.pids) {
    auto process = proc::Process::open(pid);
    if (!process) return std::unexpected(process.error());
    auto& watched = watched_.emplace_back(std::move(*process), options_.age_ns, interrupted_);
    if (!options_.origin) continue;
    auto origins = Origins::watch(watched.process);
    if (!origins) return std::unexpected(origins.error());
    watched.scanner.take_origins(std::move(*origins));
  }
  return {};
}

Status LeaksRun::scan_all(bool tell_them) {
  ++round_;
  for (Watched& each : watched_) {
    if (each.ended) continue;
    const auto scan = each.scanner.scan();
    if (!scan && *interrupted_) {
      undecided_ = true;
      return {};
    }
    if (!scan) {
      // One that ends while it is watched is no failure.
      if (round_ > 1 && each.process.ends()) {
        each.ended = true;
        continue;
      }
      return std::unexpected(scan.error());
    }
    each.leaks = each.scanner.leaks();
    each.scan = *scan;
    leak_ = leak_ || std::ranges::any_of(each.leaks, &model::Leak::leak);
    summary_.max_scan_ns = std::max(summary_.max_scan_ns, scan->duration_ns);
    summary_.losses.swapped_bytes += scan->swapped_bytes;
    summary_.losses.unreadable_bytes += scan->unreadable_bytes;
    summary_.losses.objects_over_limit += scan->objects_over_limit;
    summary_.losses.unconfirmed += scan->unconfirmed;
    summary_.losses.untold += scan->untold;
    if (html_ != nullptr) history_.add(*scan, each.leaks);
    if (tell_them) tell(each);
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
  while (!out_.reader_gone()) {
    std::vector<pollfd> fds = {{signals, POLLIN, 0}};
    for (const Watched& each : watched_) {
      if (!each.ended) fds.push_back({each.process.pidfd(), POLLIN, 0});
    }
    if (fds.size() == 1) return false;
    const std::uint64_t now = monotonic_ns();
    if (now >= time_ns) return true;
    const auto timeout = to_timespec(std::min(time_ns, next_glance_ns) - std::min(now, next_glance_ns));
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
    // What was seen once is a candidate at most.
    undecided_ = true;
    for (const Watched& each : watched_) tell(each);
    return {};
  }
  if (!options_.watch_ns) return {};
  const std::uint64_t end_ns = options_.duration_ns ? begin_ns_ + *options_.duration_ns : UINT64_MAX;
  std::uint64_t next_ns = begin_ns_ + *options_.watch_ns;
  while (wait_until(std::min(next_ns, end_ns), signals) && next_ns <= end_ns) {
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
  for (const Watched& each : watched_) {
    if (each.scanner.origins() == nullptr) continue;
    const auto counts = each.scanner.origins()->counts();
    auto& sums = summary_.origins ? *summary_.origins : summary_.origins.emplace();
    sums.traps += counts.traps;
    sums.kept += counts.kept;
    sums.no_stack += counts.no_stack;
    sums.lost += counts.lost;
    sums.bpf_ns += counts.run_ns;
  }
  if (summary_.origins && !options_.quiet) {
    const std::vector<std::string> line{output::origins_line(*summary_.origins, summary_.elapsed_ns)};
    out_.text(line);
  }
  out_.json(output::leak_summary_json(summary_, now, out_.context()));
  if (html_ != nullptr) {
    std::vector<model::Target> targets;
    for (const Watched& each : watched_)
      targets.push_back({.pid = static_cast<std::uint32_t>(each.process.pid()),
                         .comm = each.process.comm(),
                         .python = {},
                         .loops = 0});
    out_.check(html_->write_bytes(
        output::leaks_page(output::targets_label(targets), history_, summary_, options_.age_ns, now, out_.context())));
  }
  if (out_.failed()) return kExitFailure;
  if (options_.fail_on_leak && undecided_)
    return report(fail("--fail-on-leak", "ended before the second look: nothing is known of leaks").error());
  return options_.fail_on_leak && leak_ ? kExitStall : 0;
}

}  // namespace

int run_leaks(int argc, const char* const* argv) {
  const auto options = parse_leaks_options(argc, argv);
  if (!options) return report(options.error());
  if (options->message) return print_message(*options->message);
  const auto interrupt = on_interrupt();
  if (!interrupt) return report(interrupt.error());
  auto out = CommandOutput::open(options->json, options->verbose);
  if (!out) return report(out.error());
  const auto html = open_asked(options->html);
  if (!html) return report(html.error());
  // Probes are set before the capabilities for them are given up.
  if (!options->origin) {
    if (auto status = probe::keep_capabilities_to_read(); !status) return report(status.error());
  }
  LeaksRun run(*options, *out, html->get(), interrupt->came);
  if (auto status = run.open(); !status) return report(status.error());
  if (options->origin) {
    if (auto status = probe::drop_capabilities(); !status) return report(status.error());
  }
  if (auto status = run.run(interrupt->fd.get()); !status) return report(status.error());
  return run.finish();
}

}  // namespace aiotrace::app

// `aiotrace leaks -p PID`: coroutines and tasks that leak.

#include <poll.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/children.h"
#include "app/cli/exit_status.h"
#include "app/cli/messages.h"
#include "app/cli/run_options.h"
#include "app/cli/signals.h"
#include "app/commands/command.h"
#include "app/leak_scanner.h"
#include "app/leaks_outputs.h"
#include "app/memory_access.h"
#include "probe/permissions.h"
#include "probe/privileges.h"
#include "util/clock.h"
#include "util/version.h"

namespace aiotrace::app {
namespace {

constexpr std::uint64_t kDefaultWatchNs = 10'000'000'000;
constexpr std::uint64_t kLongestUnaskedWaitNs = 10'000'000'000;

struct LeaksOptions {
  std::vector<std::int32_t> pids;
  std::uint64_t age_ns = model::kDefaultLeakAgeNs;  ///< an older object is a leak
  bool age_given = false;
  std::optional<std::uint64_t> watch_ns;  ///< scan again and again, this far apart
  std::optional<std::uint64_t> duration_ns;
  bool fail_on_leak = false;
  bool origin = false;  ///< report the creators of leaked objects that are created from now on
  LeaksOutputsConfig output;

  /// Whether a run without --watch makes a second scan, --age after the first one: if the user requested an answer that
  /// one scan cannot give, and the wait is short enough.
  [[nodiscard]] bool looks_twice() const {
    if (watch_ns) return false;
    return fail_on_leak || (age_given && age_ns <= kLongestUnaskedWaitNs);
  }
};

constexpr std::uint64_t kLongestRecheckNs = 2'000'000'000;
constexpr std::uint64_t kShortestRecheckNs = 200'000'000;

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
  LeaksRun(const LeaksOptions& options, LeaksOutputs& out, const std::atomic<bool>* interrupted)
      : options_(options), out_(out), interrupted_(interrupted) {}

  Status open();
  /// Runs until no process is left, or a signal comes.
  Status run(int signals);
  int finish();

 private:
  Status scan_all(bool shown);
  bool wait_until(std::uint64_t time_ns, int signals);
  void recheck();

  const LeaksOptions& options_;
  LeaksOutputs& out_;
  const std::atomic<bool>* interrupted_;
  std::list<Watched> watched_;
  model::LeakSummary summary_;
  std::uint64_t begin_ns_ = monotonic_ns();
  std::uint64_t round_ = 0;
  bool leak_ = false;
  bool undecided_ = false;
};

Status LeaksRun::open() {
  if (options_.origin) {
    if (auto status = probe::check_host(); !status) return status;
    if (auto status = probe::drop_capabilities(); !status) return status;
  }
  for (const std::int32_t pid : options_.pids) {
    auto process = proc::Process::open(pid);
    if (!process) return std::unexpected(process.error());
    if (auto status = may_read(*process); !status) return status;
    say_loops_of_children(pid);
    auto& watched = watched_.emplace_back(std::move(*process), options_.age_ns, interrupted_);
    if (!options_.origin) continue;
    auto origins = Origins::watch(watched.process);
    if (!origins) return std::unexpected(origins.error());
    watched.scanner.take_origins(std::move(*origins));
  }
  model::LeaksHead head{.time_ns = begin_ns_, .version = kVersion, .age_ns = options_.age_ns, .targets = {}};
  for (const Watched& each : watched_)
    head.targets.push_back(
        {.pid = static_cast<std::uint32_t>(each.process.pid()), .comm = each.process.comm(), .python = {}, .loops = 0});
  out_.begin(head);
  return {};
}

Status LeaksRun::scan_all(bool shown) {
  ++round_;
  for (Watched& each : watched_) {
    if (each.ended) continue;
    const auto scan = each.scanner.scan();
    if (!scan && *interrupted_) {
      undecided_ = true;
      return {};
    }
    if (!scan) {
      // A process that ends while it is watched is no failure.
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
    summary_.losses.unclassified += scan->unclassified;
    out_.scan({.leaks = each.leaks, .scan = each.scan, .shown = shown});
  }
  summary_.scans = round_;
  return {};
}

void LeaksRun::recheck() {
  for (Watched& each : watched_) {
    if (!each.ended) each.scanner.recheck();
  }
}

// False: a signal came, standard output was closed, or no process is left.
bool LeaksRun::wait_until(std::uint64_t time_ns, int signals) {
  const std::uint64_t interval = options_.watch_ns.value_or(options_.age_ns);
  const std::uint64_t step = std::clamp(interval / 8, kShortestRecheckNs, kLongestRecheckNs);
  std::uint64_t next_recheck_ns = monotonic_ns() + step;
  while (!out_.reader_gone()) {
    std::vector<pollfd> fds = {{signals, POLLIN, 0}};
    for (const Watched& each : watched_) {
      if (!each.ended) fds.push_back({each.process.pidfd(), POLLIN, 0});
    }
    if (fds.size() == 1) return false;
    const std::uint64_t now = monotonic_ns();
    if (now >= time_ns) return true;
    const auto timeout = to_timespec(std::min(time_ns, next_recheck_ns) - std::min(now, next_recheck_ns));
    const int ready = ppoll(fds.data(), fds.size(), &timeout, nullptr);
    if (ready < 0 && errno != EINTR) return false;
    if (fds[0].revents != 0) return false;
    for (Watched& each : watched_) {
      if (ready > 0 && !each.process.alive()) each.ended = true;
    }
    if (monotonic_ns() >= next_recheck_ns) {
      recheck();
      next_recheck_ns = monotonic_ns() + step;
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
    // An object that was seen once can only be a candidate.
    undecided_ = true;
    for (const Watched& each : watched_) out_.scan({.leaks = each.leaks, .scan = each.scan, .shown = true});
    return {};
  }
  if (!options_.watch_ns) return {};
  const std::uint64_t end_ns = options_.duration_ns ? begin_ns_ + *options_.duration_ns : UINT64_MAX;
  std::uint64_t next_ns = begin_ns_ + *options_.watch_ns;
  while (wait_until(std::min(next_ns, end_ns), signals) && next_ns <= end_ns) {
    if (auto status = scan_all(true); !status) return status;
    // If a scan takes longer than its interval, the next one still does not follow at once.
    next_ns = std::max(next_ns + *options_.watch_ns, monotonic_ns() + *options_.watch_ns / 4);
  }
  return {};
}

int LeaksRun::finish() {
  for (const Watched& each : watched_) {
    for (const bool leaks : {true, false}) {
      const auto counts = model::count_leaks(each.leaks, leaks);
      auto& sums = leaks ? summary_.leaks : summary_.candidates;
      std::ranges::transform(sums, counts, sums.begin(), std::plus());
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
  out_.finish({.time_ns = now, .summary = summary_});
  if (out_.failed()) return kExitFailure;
  if (options_.fail_on_leak && undecided_)
    return report(fail("--fail-on-leak", "ended before the second scan, so leaks are not ruled out").error());
  return options_.fail_on_leak && leak_ ? kExitStall : 0;
}

HelpText help() {
  return {.about =
              "aiotrace leaks finds coroutines that nobody awaits, coroutines and tasks that nobody will resume, "
              "and exceptions that nobody reads. It only reads the process's memory: nothing is stopped, nothing "
              "is left behind.",
          .usage = {"leaks [OPTIONS] -p PID[,PID…]"},
          .end =
              "The age of an object counts from the scan that first saw it: one that is younger than --age is a "
              "candidate. A single scan therefore shows only candidates and coroutines that were dropped. With "
              "--fail-on-leak, or with an --age of up to 10s, a second scan follows after --age.\n"
              "\n"
              "Examples:\n"
              "  sudo aiotrace leaks -p 1234                          one scan\n"
              "  sudo aiotrace leaks -p 1234 --watch=5s               a scan every 5 s\n"
              "  sudo aiotrace leaks -p 1234 --origin                 and who made them\n"
              "  sudo aiotrace leaks -p 1234 --age 5s --fail-on-leak  in a test\n"
              "\n"
              "Exit status: 0 success; 1 failure; 2 wrong usage; 3 not permitted or not supported here; 4 a leak, "
              "with --fail-on-leak."};
}

class Leaks final : public Command {
 public:
  void declare(CommandLine& line) override;
  [[nodiscard]] Status check(const CommandLine& line) override;
  [[nodiscard]] int run() override;

 private:
  LeaksOptions options_;
  std::optional<std::uint64_t> age_ns_;  // as given
};

void Leaks::declare(CommandLine& line) {
  line.set_help(help());
  line.add_pids(options_.pids, "processes, with commas between them");
  line.add_duration("--age", age_ns_, "an object older than this is a leak, a younger one a candidate", "60s",
                    Zero::allowed);
  line.add_optional_duration("--watch", options_.watch_ns, kDefaultWatchNs,
                             "scan again and again, this far apart (10s without TIME), until Ctrl-C");
  line.add_duration("-d,--duration", options_.duration_ns, "with --watch: stop after this time");
  line.add_flag("--fail-on-leak", options_.fail_on_leak, "exit with status 4 if there is a leak");
  line.add_flag("--origin", options_.origin,
                "show the code that creates each object from now on, and when; implies --watch. Each coroutine that "
                "is made costs the process some 2 µs");
  line.add_json(options_.output.json);
  line.add_file("--html", options_.output.html, "a page for a browser: places, and how they grew");
  declare_record(line, options_.output.record);
  line.add_flag("-q,--quiet", options_.output.quiet, "no text");
  line.add_flag("-v,--verbose", options_.output.verbose, "all groups and whole stacks");
}

Status Leaks::check(const CommandLine& line) {
  if (options_.pids.empty()) return line.usage_see_help("no process given", "give -p PID");
  options_.age_given = age_ns_.has_value();
  options_.age_ns = age_ns_.value_or(options_.age_ns);
  if (!options_.watch_ns && options_.origin && !options_.looks_twice()) options_.watch_ns = kDefaultWatchNs;
  if (options_.duration_ns && !options_.watch_ns) return line.usage("-d", "needs --watch: one scan has no duration");
  return {};
}

int Leaks::run() {
  const auto interrupt = on_interrupt();
  if (!interrupt) return report(interrupt.error());
  auto out = LeaksOutputs::open(options_.output);
  if (!out) return report(out.error());
  // With --origin probes are attached, so their capabilities are kept.
  if (!options_.origin) {
    if (auto status = probe::keep_capabilities_to_read(); !status) return report(status.error());
  }
  LeaksRun run(options_, *out, interrupt->came);
  if (auto status = run.open(); !status) return report(status.error());
  if (auto status = run.run(interrupt->fd.get()); !status) return report(status.error());
  return run.finish();
}

}  // namespace

std::unique_ptr<Command> make_leaks() { return std::make_unique<Leaks>(); }

}  // namespace aiotrace::app

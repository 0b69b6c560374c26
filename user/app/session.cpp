#include "app/session.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "app/command.h"
#include "app/leak_watch.h"
#include "app/open_files.h"
#include "app/probe_setup.h"
#include "app/signals.h"
#include "app/tracker.h"
#include "probe/privileges.h"

namespace aiotrace::app {

namespace {

// What BPF does not wake us for is taken this often; a stall that goes on is noticed within it.
constexpr std::uint64_t kTickNs = 50'000'000;
// A recording that is cut off lacks the totals of this time at most.
constexpr std::uint64_t kSoFarNs = 5'000'000'000;
constexpr std::uint64_t kNoLoopYetNs = 1'000'000'000;

// A busy server's iterations of some milliseconds would else be most of what is sampled, for nothing: uvicorn's took
// half of all BPF time. A stall loses a tenth of its samples at most.
std::uint64_t young_ns(std::uint64_t warn_ns) { return std::clamp<std::uint64_t>(warn_ns / 10, 1'000'000, 5'000'000); }

// The clock that always runs: two samples in a stall, and the first of them that is late enough starts the fine one. At
// 10 ms it took half a percent of a busy server's throughput.
std::uint64_t coarse_period_ns(std::uint64_t warn_ns) {
  return std::clamp<std::uint64_t>(2 * warn_ns / 5, 1'000'000, 20'000'000);
}

std::uint64_t fine_after_ns(std::uint64_t warn_ns) {
  constexpr auto kNever = ~std::uint64_t{0};
  return coarse_period_ns(warn_ns) > model::kFineSampleNs ? warn_ns / 5 : kNever;
}

probe::ProbeOptions probe_options(const Options& options) {
  probe::ProbeOptions wanted{.warn_ns = options.warn_ns,
                             .young_ns = young_ns(options.warn_ns),
                             .sample_period_ns = model::kFineSampleNs,
                             .coarse_period_ns = coarse_period_ns(options.warn_ns),
                             .fine_after_ns = fine_after_ns(options.warn_ns),
                             .poll = options.poll_probe,
                             .trace_all = options.all,
                             .follow = options.follow,
                             .load_statistics = options.verbose,
                             .syscalls = wait_classes()};
  if (options.all || options.follow) {
    wanted.max_processes = 8192;
    wanted.max_threads = 8192;
  }
  if (options.native) {
    // A sample has some 10 KB then: a second of one thread's.
    wanted.ring_bytes = 16u << 20;
    // Shorter waits are common in loops that never stall, and are not worth unwinding.
    wanted.native_ns = std::max(wanted.segment_ns, options.warn_ns / 20);
  }
  return wanted;
}

class Session {
 public:
  Session(const Options& options, probe::Probe& probe, Outputs& outputs)
      : options_(options), probe_(probe), tracker_(options, probe, outputs), outputs_(outputs) {}

  Status begin(std::vector<Target> targets);
  void watch(int signals);
  int finish();
  Tracker& tracker() { return tracker_; }

 private:
  model::Summary summary(std::uint64_t now_ns) const;
  void take_signals(int signals);
  void take_ended(const std::vector<pollfd>& fds);
  void tell_waiting(std::uint64_t now_ns);
  void watch_leaks();
  void take_leaks();

  const Options& options_;
  probe::Probe& probe_;
  Tracker tracker_;
  Outputs& outputs_;
  std::uint64_t began_ns_ = 0;
  bool stop_ = false;
  std::map<std::uint32_t, std::unique_ptr<LeakWatch>> leak_watches_;  // by pid
  std::map<std::uint32_t, LeakWatch::Look> last_leaks_;
};

Status Session::begin(std::vector<Target> targets) {
  if (auto status = probe_.attach(); !status) return status;
  model::Watching watching{.time_ns = 0,
                           .version = kVersion,
                           .kernel = kernel_release(),
                           .warn_ns = options_.warn_ns,
                           .error_ns = options_.error_ns,
                           .targets = {},
                           .all = options_.all,
                           .starting = !options_.command.empty()};
  for (auto& target : targets) {
    const auto look = options_.command.empty() ? Tracker::Look::now : Tracker::Look::fresh;
    if (auto status = tracker_.add(std::move(target), look); !status) return status;
  }
  if (options_.all) tracker_.add_all_running();
  for (auto& [pid, target] : tracker_.targets())
    watching.targets.push_back({pid, target.comm(), target.python_version(), target.epolls()});
  if (options_.verbose) {
    for (const auto& note : probe_.notes()) say(note);
    say("polls are seen by " + std::string(probe::name(probe_.poll_probe())));
  }
  began_ns_ = monotonic_ns();
  probe_.measure_cost_now_and_then(began_ns_);
  watching.time_ns = began_ns_;
  outputs_.watching(watching);
  return {};
}

// Behind all that a run begins with: how soon it watches does not depend on it.
void Session::watch_leaks() {
  if (!options_.leaks || options_.all) return;
  for (auto& [pid, target] : tracker_.targets()) {
    auto process = proc::Process::open(static_cast<pid_t>(pid));
    // It can have ended by now: its stalls are told all the same.
    if (process) leak_watches_.emplace(pid, std::make_unique<LeakWatch>(std::move(*process)));
  }
}

void Session::take_leaks() {
  for (auto& [pid, watch] : leak_watches_) {
    for (auto& look : watch->take()) {
      outputs_.leaks(look.leaks, look.scan);
      last_leaks_[pid] = std::move(look);
    }
  }
}

void Session::tell_waiting(std::uint64_t now_ns) {
  if (now_ns - began_ns_ < kNoLoopYetNs || options_.all || options_.follow) return;
  for (auto& [pid, target] : tracker_.targets()) {
    if (target.told_waiting || target.ended || target.had_loop) continue;
    target.told_waiting = true;
    say("pid " + std::to_string(pid) + " (" + target.comm() + ") has no event loop yet: waiting for one");
  }
}

void Session::take_signals(int signals) {
  signalfd_siginfo info{};
  while (read(signals, &info, sizeof(info)) == sizeof(info)) {
    if (info.ssi_signo == SIGUSR1) {
      outputs_.interim(summary(monotonic_ns()));
      continue;
    }
    if (info.ssi_signo == SIGCHLD) continue;
    stop_ = true;
    // A second one ends the program at once, whatever the summary waits for.
    sigset_t these;
    sigemptyset(&these);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
      signal(number, SIG_DFL);
      sigaddset(&these, number);
    }
    sigprocmask(SIG_UNBLOCK, &these, nullptr);
  }
}

void Session::take_ended(const std::vector<pollfd>& fds) {
  for (auto& [pid, target] : tracker_.targets()) {
    const int pidfd = target.process().pidfd();
    const bool ended = std::ranges::any_of(fds,
                                           [pidfd](const pollfd& fd) { return fd.fd == pidfd && fd.revents != 0; });
    if (ended) tracker_.process_ended(pid);
  }
}

void Session::watch(int signals) {
  // Not before: a thread keeps the capabilities that it was started with.
  watch_leaks();
  const std::uint64_t end_ns = options_.duration_ns ? began_ns_ + *options_.duration_ns : 0;
  std::uint64_t next_tick_ns = began_ns_ + kTickNs;
  std::uint64_t next_look_ns = 0;
  std::uint64_t next_so_far_ns = began_ns_ + kSoFarNs;
  while (!stop_) {
    std::uint64_t now = monotonic_ns();
    if (end_ns != 0 && now >= end_ns) break;
    std::uint64_t wake = next_tick_ns;
    if (end_ns != 0) wake = std::min(wake, end_ns);
    if (next_look_ns != 0) wake = std::min(wake, next_look_ns);
    std::vector<pollfd> fds = {{signals, POLLIN, 0}, {probe_.fd(), POLLIN, 0}};
    for (auto& [pid, target] : tracker_.targets()) {
      // Of a whole machine's processes BPF tells the end.
      if (!target.ended && !options_.all) fds.push_back({target.process().pidfd(), POLLIN, 0});
    }
    const auto timeout = to_timespec(wake > now ? wake - now : 0);
    if (ppoll(fds.data(), fds.size(), &timeout, nullptr) < 0 && errno != EINTR) {
      say("wait for records: " + std::string(strerrordesc_np(errno)));
      break;
    }
    if (auto status = tracker_.consume(); !status) say(status.error().message());
    if (fds[0].revents != 0) take_signals(signals);
    take_ended(fds);
    now = monotonic_ns();
    if (now >= next_tick_ns) {
      next_tick_ns = now + kTickNs;
      probe_.measure_cost_now_and_then(now);
      tracker_.tell_ongoing(now);
      tracker_.calm(now);
      tell_waiting(now);
      take_leaks();
      if (options_.record && now >= next_so_far_ns) {
        next_so_far_ns = now + kSoFarNs;
        outputs_.so_far(summary(now));
      }
    }
    next_look_ns = tracker_.look(now);
    if ((tracker_.alive() == 0 && !options_.all) || outputs_.reader_gone()) break;
  }
}

model::Summary Session::summary(std::uint64_t now_ns) const {
  auto summary = tracker_.summary(now_ns);
  for (const auto& [pid, look] : last_leaks_) {
    summary.leaks.insert(summary.leaks.end(), look.leaks.begin(), look.leaks.end());
    summary.last_leak_scan = look.scan;
  }
  summary.cost = own_cost(probe_);
  return summary;
}

int Session::finish() {
  if (auto status = tracker_.consume(); !status) say(status.error().message());
  const auto end_ns = monotonic_ns();
  tracker_.finish(end_ns);
  for (auto& [pid, watch] : leak_watches_) watch->finish();
  take_leaks();
  outputs_.finish(summary(end_ns));
  if (outputs_.failed()) return kExitFailure;
  if (options_.fail_over_ns && tracker_.longest_stall_ns() >= *options_.fail_over_ns) return kExitStall;
  return 0;
}

Result<std::vector<Target>> open_targets(const Options& options, const std::optional<Command>& command) {
  std::vector<Target> targets;
  auto pids = options.pids;
  if (command) pids = {command->pid()};
  for (const auto pid : pids) {
    auto target = Target::open(pid);
    if (!target) return std::unexpected(target.error());
    // Until it calls exec it is a copy of aiotrace.
    if (command) target->rename(std::filesystem::path(options.command.front()).filename());
    targets.push_back(std::move(*target));
  }
  return targets;
}

}  // namespace

int report(const Error& error) {
  say(error.message());
  switch (error.kind) {
    case ErrorKind::usage: return kExitUsage;
    case ErrorKind::not_permitted:
    case ErrorKind::unsupported: return kExitNotPermitted;
    case ErrorKind::failure: break;
  }
  return kExitFailure;
}

int run_session(const Options& options) {
  auto signals = catch_signals({SIGUSR1, SIGCHLD});
  if (!signals) return report(signals.error());
  auto outputs = Outputs::open(options);
  if (!outputs) return report(outputs.error());

  std::optional<Command> command;
  if (!options.command.empty()) {
    auto started = Command::start(options.command);
    if (!started) return report(started.error());
    command = std::move(*started);
  }
  allow_many_open_files();
  auto targets = open_targets(options, command);
  if (!targets) return report(targets.error());
  auto probe = probe::Probe::load(probe_options(options));
  if (!probe) return report(probe.error());

  Session session(options, *probe, *outputs);
  if (auto status = session.begin(std::move(*targets)); !status) return report(status.error());
  if (command) {
    if (auto status = command->release(); !status) {
      (void)report(status.error());
      (void)command->wait();
      return kExitNoCommand;
    }
  }
  if (auto status = probe::drop_capabilities(); !status) return report(status.error());
  session.watch(signals->get());
  const int status = session.finish();
  if (!command) return status;
  const int own = command->wait();
  return own != 0 ? own : status;
}

}  // namespace aiotrace::app

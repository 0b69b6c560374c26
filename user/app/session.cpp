#include "app/session.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "app/children.h"
#include "app/probe_setup.h"
#include "app/tick.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/version.h"

namespace aiotrace::app {

namespace {

// A recording that is cut off lacks the totals of this time at most.
constexpr std::uint64_t kSoFarNs = 5'000'000'000;
constexpr std::uint64_t kNoLoopYetNs = 1'000'000'000;

}  // namespace

Session::Session(SessionConfig config, probe::Probe& probe, Outputs& outputs)
    : config_(std::move(config)), probe_(probe), tracker_(config_.tracker, probe, outputs), outputs_(outputs) {}

model::Watching Session::watching() {
  model::Watching watching{.time_ns = began_ns_,
                           .version = kVersion,
                           .kernel = kernel_release(),
                           .warn_ns = config_.tracker.warn_ns,
                           .error_ns = config_.tracker.error_ns,
                           .targets = {},
                           .all = config_.tracker.all,
                           .starting = config_.starting};
  for (auto& [pid, target] : tracker_.targets())
    watching.targets.push_back({pid, target.comm(), target.python_version(), target.epolls()});
  return watching;
}

Status Session::begin(std::vector<Target> targets) {
  if (auto status = probe_.attach(); !status) return status;
  for (auto& target : targets) {
    const auto look = config_.starting ? TargetSet::Look::fresh : TargetSet::Look::now;
    if (auto status = tracker_.add(std::move(target), look); !status) return status;
  }
  if (config_.tracker.all) tracker_.add_all_running();
  if (config_.tracker.follow && !config_.starting) {
    if (auto status = tracker_.add_descendants(); !status) return status;
  }
  auto report = watching();
  if (config_.tracker.verbose) report_poll_probe();
  began_ns_ = monotonic_ns();
  next_so_far_ns_ = began_ns_ + kSoFarNs;
  if (!config_.frugal) probe_.measure_cost_now_and_then(began_ns_);
  report.time_ns = began_ns_;
  outputs_.watching(report);
  if (!config_.tracker.all && !config_.tracker.follow) report_children();
  return {};
}

// A server's master has its loops in its workers.
void Session::report_children() {
  for (const auto& [pid, target] : tracker_.targets()) {
    const auto loops = children_with_loops(target).size();
    if (loops == 0) continue;
    say("pid " + std::to_string(pid) + " (" + target.comm() + ") has " + std::to_string(loops) + " child process" +
        (loops == 1 ? " with an event loop, which is" : "es with event loops, which are") +
        " not watched: add --follow");
  }
}

void Session::report_poll_probe() {
  for (const auto& note : probe_.notes()) say(note);
  if (probe_.fentry_problem())
    say("fentry not available; using the " + std::string(probe::name(probe_.poll_probe())));
  else
    say("polls are seen by " + std::string(probe::name(probe_.poll_probe())));
}

// Behind all that a run begins with: how soon it watches does not depend on them.
void Session::watch_leaks_and_hangs() {
  if (config_.tracker.all) return;
  const auto& targets = tracker_.targets();
  LookShare share{.processes = config_.frugal ? targets.size() : 1, .position = 0};
  for (auto& [pid, target] : targets) {
    // It can have ended by now: its stalls are reported all the same.
    if (auto process = proc::Process::open(static_cast<pid_t>(pid)); process && config_.leaks)
      leak_watches_.emplace(pid, std::make_unique<LeakWatch>(std::move(*process), share));
    if (auto process = proc::Process::open(static_cast<pid_t>(pid)); process && config_.hangs)
      hang_watches_.emplace(pid, std::make_unique<HangWatch>(std::move(*process), share));
    if (config_.frugal) ++share.position;
  }
}

void Session::take_hangs() {
  for (auto& [pid, watch] : hang_watches_) {
    for (const auto& look : watch->take()) outputs_.hangs(look);
  }
}

void Session::take_leaks() {
  for (auto& [pid, watch] : leak_watches_) {
    for (auto& look : watch->take()) {
      outputs_.leaks(look.leaks, look.scan);
      last_leaks_[pid] = std::move(look);
    }
    if (const auto why = watch->take_not_asyncio())
      say("leaks of process " + std::to_string(pid) + " are not looked for: " + *why);
  }
}

void Session::report_waiting(std::uint64_t now_ns) {
  if (now_ns - began_ns_ < kNoLoopYetNs || config_.tracker.all || config_.tracker.follow) return;
  for (auto& [pid, target] : tracker_.targets()) {
    if (target.ended() || target.had_loop() || !target.note_waiting()) continue;
    if (runs_asyncio_loop(target)) continue;  // it has one: whether its polls are seen shows later
    say("pid " + std::to_string(pid) + " (" + target.comm() + ") has no event loop yet: waiting for one");
  }
}

void Session::look_for_unseen(std::uint64_t now_ns) {
  constexpr std::uint64_t kFrugalShare = 500;
  if (now_ns < next_unseen_ns_) return;
  unseen_.look(now_ns, tracker_.targets(), probe_);
  if (config_.frugal) next_unseen_ns_ = now_ns + (monotonic_ns() - now_ns) * kFrugalShare;
  for (const auto& message : unseen_.take_messages()) say(message);
}

void Session::look_for_spinning(std::uint64_t now_ns) {
  spinning_.look(now_ns, tracker_.targets(), probe_);
  for (const auto& message : spinning_.take_messages()) say(message);
}

void Session::take_requests(const std::function<Requests()>& requests) {
  const auto asked = requests();
  if (asked.summary) outputs_.interim(summary(monotonic_ns()));
  stop_ = stop_ || asked.stop;
}

void Session::take_ended(const std::vector<pollfd>& fds) {
  for (const auto pid : tracker_.targets().ended_in(fds)) tracker_.process_ended(pid);
}

void Session::tick(std::uint64_t now_ns) {
  if (!config_.frugal) {
    probe_.measure_cost_now_and_then(now_ns);
    tracker_.times().look();
  }
  tracker_.report_ongoing(now_ns);
  tracker_.stop_idle(now_ns);
  tracker_.show_queues();
  report_waiting(now_ns);
  look_for_unseen(now_ns);
  look_for_spinning(now_ns);
  take_leaks();
  take_hangs();
  if ((!config_.recording && !outputs_.is_recording()) || now_ns < next_so_far_ns_) return;
  next_so_far_ns_ = now_ns + kSoFarNs;
  outputs_.so_far(summary(now_ns));
}

std::uint64_t Session::tick_ns() const { return config_.frugal ? frugal_tick_ns(tracker_.loops_seen()) : kTickNs; }

void Session::watch(int requests_fd, const std::function<Requests()>& requests, Beside* beside) {
  // Not before: a thread keeps the capabilities that it was started with.
  watch_leaks_and_hangs();
  const std::uint64_t end_ns = config_.duration_ns ? began_ns_ + *config_.duration_ns : 0;
  std::uint64_t next_tick_ns = began_ns_ + tick_ns();
  std::uint64_t next_look_ns = 0;
  std::uint64_t next_turn_ns = beside != nullptr ? beside->turn(monotonic_ns()) : 0;
  while (!stop_) {
    std::uint64_t now = monotonic_ns();
    if (end_ns != 0 && now >= end_ns) break;
    std::uint64_t wake = next_tick_ns;
    if (end_ns != 0) wake = std::min(wake, end_ns);
    if (next_look_ns != 0) wake = std::min(wake, next_look_ns);
    if (next_turn_ns != 0) wake = std::min(wake, next_turn_ns);
    std::vector<pollfd> fds = {{requests_fd, POLLIN, 0}, {probe_.fd(), POLLIN, 0}};
    if (beside != nullptr) beside->add_fds(fds);
    // Of a whole machine's processes BPF reports the end.
    if (!config_.tracker.all) tracker_.targets().add_pidfds(fds);
    const auto timeout = to_timespec(wake > now ? wake - now : 0);
    if (ppoll(fds.data(), fds.size(), &timeout, nullptr) < 0 && errno != EINTR) {
      say("wait for records: " + std::string(strerrordesc_np(errno)));
      break;
    }
    if (auto status = tracker_.consume(); !status) say(status.error().message());
    if (fds[0].revents != 0) take_requests(requests);
    // What an ended process did last may still wait in the ring.
    const bool drained = probe_.drained();
    if (drained) take_ended(fds);
    now = monotonic_ns();
    if (now >= next_tick_ns) {
      next_tick_ns = now + tick_ns();
      tick(now);
    }
    if (beside != nullptr) {
      next_turn_ns = beside->turn(now);
      if (next_turn_ns == 0) break;
    }
    next_look_ns = tracker_.look(now);
    if ((drained && tracker_.targets().alive() == 0 && !config_.tracker.all) || outputs_.reader_gone()) break;
  }
}

std::map<std::uint32_t, model::ProcessLooks> Session::looks() const {
  std::map<std::uint32_t, model::ProcessLooks> all;
  for (const auto& [pid, look] : last_leaks_) {
    auto& leaks = all[pid].leaks.emplace(0);
    for (const auto& leak : look.leaks) {
      if (leak.leak) leaks += leak.count.value_or(1);
    }
  }
  for (const auto& [pid, watch] : hang_watches_) {
    const auto last = watch->last();
    if (!last) continue;
    auto& looks = all[pid];
    looks.tasks = last->scan.tasks;
    looks.hangs = last->hangs.size();
    for (const auto& hang : last->hangs) looks.verdict = std::min(looks.verdict.value_or(hang.verdict), hang.verdict);
  }
  return all;
}

std::shared_ptr<const model::ScannedHangs> Session::last_hangs(std::uint32_t pid) const {
  const auto watch = hang_watches_.find(pid);
  return watch == hang_watches_.end() ? nullptr : watch->second->last();
}

model::Summary Session::summary(std::uint64_t now_ns) const {
  auto summary = tracker_.summary(now_ns);
  for (const auto& [pid, look] : last_leaks_) {
    summary.leaks.insert(summary.leaks.end(), look.leaks.begin(), look.leaks.end());
    const std::uint64_t before = summary.last_leak_scan ? summary.last_leak_scan->unclassified : 0;
    summary.last_leak_scan = look.scan;
    summary.last_leak_scan->unclassified += before;
  }
  for (const auto& [pid, watch] : hang_watches_) {
    const auto hangs = watch->reported();
    summary.hangs.insert(summary.hangs.end(), hangs.begin(), hangs.end());
    summary.hang_looks += watch->looks();
  }
  summary.unseen_loops = unseen_.all();
  summary.spinning_loops = spinning_.all();
  summary.cost = own_cost(probe_);
  summary.cost.targets_cpu_ns = tracker_.times().cpu_ns();
  return summary;
}

model::Summary Session::finish() {
  // One window for all figures: the heap may be scanned for a second after it.
  probe_.stop();
  const auto end_ns = monotonic_ns();
  constexpr int kMostRounds = 40;  // of 30 ms each: who floods the ring does not prolong the run
  for (int round = 0; round < kMostRounds; ++round) {
    if (auto status = tracker_.consume(); !status) say(status.error().message());
    if (probe_.drained()) break;
  }
  tracker_.finish(end_ns);
  for (auto& [pid, watch] : hang_watches_) watch->finish();
  take_hangs();
  for (auto& [pid, watch] : leak_watches_) watch->finish();
  take_leaks();
  auto all = summary(end_ns);
  outputs_.finish(all);
  return all;
}

}  // namespace aiotrace::app

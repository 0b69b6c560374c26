#include "app/commands/watch.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include "app/cli/exit_status.h"
#include "app/cli/messages.h"
#include "app/cli/signals.h"
#include "app/commands/fail_on_hang.h"
#include "app/commands/run_targets.h"
#include "app/session.h"
#include "app/stall_probe.h"
#include "app/target_set.h"
#include "app/unseen_loops.h"
#include "probe/confine.h"
#include "probe/permissions.h"
#include "util/duration.h"
#include "util/log.h"

namespace aiotrace::app {

namespace {

using probe::PollProbe;

constexpr std::array kPollProbes{PollProbe::automatic, PollProbe::fentry, PollProbe::tracepoint, PollProbe::uprobe};

HelpText help() {
  return {.about =
              "aiotrace explains stalls of Python asyncio programs, and of any other program that waits in epoll: "
              "how long, in which task, at which line, and why. It attaches to running processes: nothing is "
              "restarted, nothing is left behind.",
          .usage = {"[OPTIONS] -p PID[,PID…]", "[OPTIONS] -a", "[OPTIONS] -- COMMAND…", "COMMAND [OPTIONS]"},
          .end =
              "Examples:\n"
              "  sudo aiotrace -p 1234                      stalls, and a summary at Ctrl-C\n"
              "  sudo aiotrace -p 1234 -d 30s --folded f    30 seconds, then a folded file\n"
              "  sudo aiotrace -p 1234 -d 1m --html r.html  a minute, as a page for a browser\n"
              "  sudo aiotrace -p 1234,1240 --warn 20ms     two processes, stalls from 20 ms on\n"
              "  sudo aiotrace -- python3 app.py            a program from its start on\n"
              "\n"
              "Signal SIGUSR1 prints the summary so far.\n"
              "Exit status: 0 success; 1 failure; 2 wrong usage; 3 not permitted or not supported here; 4 a stall "
              "reached --fail-over, or --fail-on-hang. With -- COMMAND it is the command's own, unless that is 0."};
}

probe::ProbeOptions probe_options(const WatchOptions& options) {
  return stall_probe_options({.warn_ns = options.warn_ns,
                              .poll = options.poll_probe,
                              .all = options.targets.all,
                              .follow = options.follow,
                              .native = options.native,
                              .verbose = options.verbose});
}

SessionConfig session_config(const WatchOptions& options, Filter filter) {
  return {.tracker = {.warn_ns = options.warn_ns,
                      .error_ns = options.error_ns,
                      .all = options.targets.all,
                      .filter = std::move(filter),
                      .follow = options.follow,
                      .native = options.native,
                      .verbose = options.verbose},
          .duration_ns = options.duration_ns,
          .starting = !options.targets.command.empty(),
          .leaks = options.leaks,
          .hangs = options.hangs,
          .recording = options.files.record.has_value()};
}

// A run that saw no loop knows nothing about stalls: "no stall" would be wrong.
int without_loop(const TargetOptions& options, const TargetSet& targets, const model::Summary& summary) {
  auto after = "no event loop was seen in " + format_duration_ns(summary.elapsed_ns);
  if (!summary.unseen_loops.empty())
    after += ", although asyncio runs one: it waits by " + summary.unseen_loops.front().waits_by;
  else if (std::ranges::any_of(targets, [](const auto& each) { return runs_asyncio_loop(each.second); }))
    after += ", although asyncio runs one: it has not polled in that time";
  // With all processes of the machine, no loop is no error; for a started program the exit status is the program's.
  if (!options.command.empty() || (options.all && !options.comm && !options.cgroup)) {
    say(after);
    return 0;
  }
  if (options.all)
    return report(fail(options.comm ? "--comm " + *options.comm : "--cgroup " + *options.cgroup, after).error());
  std::string processes, pids;
  for (const auto& [pid, target] : targets) {
    processes += (processes.empty() ? "process " : ", ") + std::to_string(pid) + " (" + target.comm() + ")";
    pids += (pids.empty() ? "" : ",") + std::to_string(pid);
  }
  return report(fail(processes, after, "see aiotrace doctor -p " + pids).error());
}

int finish(const WatchOptions& options, Session& session, const Outputs& outputs) {
  const auto summary = session.finish();
  if (outputs.failed()) return kExitFailure;
  if (summary.loops.empty() && summary.stalls == 0) return without_loop(options.targets, session.targets(), summary);
  if (options.fail_over_ns && session.longest_stall_ns() >= *options.fail_over_ns) return kExitStall;
  return options.fail_on_hang ? status_of_hangs(summary) : 0;
}

}  // namespace

void Watch::declare(CommandLine& line) {
  line.set_help(help());
  line.start_programs();
  line.group("What to watch");
  declare_targets(line, options_.targets, "event loop on the machine");
  line.add_flag("--follow", options_.follow, "children of the watched processes too");
  declare_duration(line, options_.duration_ns);
  line.group("Stalls");
  line.add_duration("--warn", warn_ns_, "an iteration at least this long is a stall", "50ms");
  line.add_duration("--error", error_ns_, "a stall at least this long is marked as ERROR", "200ms");
  line.add_duration("--fail-over", options_.fail_over_ns, "exit with status 4 if a stall was at least this long");
  line.add_flag("--native", options_.native, "whole native stacks of stalls, with the Python frames in them");
  line.add_choice("--poll-probe", "WAY", options_.poll_probe, kPollProbes, "how polls are seen");
  line.add_switch("--leaks", options_.leaks, "look for leaks too, every 30 s; never with -a");
  line.add_switch("--hangs", options_.hangs, "look for hangs too, every 10 s; never with -a");
  line.add_flag("--fail-on-hang", options_.fail_on_hang, "exit with status 4 if something is proved to hang");
  line.group("Output");
  declare_files(line, options_.files, kStallFiles);
  declare_record(line, options_.files.record);
  line.add_flag("-q,--quiet", options_.quiet, "no text about single stalls, only the summary");
  line.add_flag("-v,--verbose", options_.verbose, "whole stacks, and what aiotrace does");
}

Status Watch::check(const CommandLine& line) {
  options_.warn_ns = warn_ns_.value_or(options_.warn_ns);
  options_.error_ns = error_ns_.value_or(options_.error_ns);
  // --warn is above the default of --error, so every reported stall is an error.
  if (!error_ns_) options_.error_ns = std::max(options_.error_ns, options_.warn_ns);
  if (options_.error_ns < options_.warn_ns) return line.usage("--error", "must not be less than --warn");
  if (options_.fail_on_hang && (options_.targets.all || !options_.hangs))
    return line.usage("--fail-on-hang", "hangs are not looked for with -a or --hangs=off");
  return check_targets(line, options_.targets);
}

int Watch::run() {
  // Rights are checked first: without them nothing else matters, and no file is created.
  if (auto status = probe::check_host(); !status) return report(status.error());
  auto filter = filter_of(options_.targets);
  if (!filter) return report(filter.error());
  auto signals = catch_signals({SIGUSR1, SIGCHLD});
  if (!signals) return report(signals.error());
  auto outputs = Outputs::open({.files = options_.files, .quiet = options_.quiet, .verbose = options_.verbose});
  if (!outputs) return report(outputs.error());
  auto targets = RunTargets::open(options_.targets);
  if (!targets) return report(targets.error());
  auto probe = probe::Probe::load(probe_options(options_));
  if (!probe) return report(probe.error());

  Session session(session_config(options_, std::move(*filter)), *probe, *outputs);
  if (auto status = session.begin(targets->take()); !status) return report(status.error());
  if (const auto failed = targets->release()) return *failed;
  // If the kernel has no filters, doctor reports it.
  if (auto status = probe::confine(); !status && options_.verbose) say(status.error().message());
  session.watch(signals->get(), [&] { return take_requests(signals->get()); });
  return targets->exit_status(finish(options_, session, *outputs));
}

}  // namespace aiotrace::app

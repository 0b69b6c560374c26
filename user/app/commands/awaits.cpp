// `aiotrace awaits -p PID`: where tasks wait, and for how long.

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "app/await_resources.h"
#include "app/await_sampler.h"
#include "app/awaits_outputs.h"
#include "app/cli/exit_status.h"
#include "app/cli/messages.h"
#include "app/cli/run_options.h"
#include "app/cli/signals.h"
#include "app/commands/command.h"
#include "app/exact_awaits.h"
#include "app/memory_access.h"
#include "output/labels.h"
#include "probe/privileges.h"
#include "proc/maps.h"
#include "proc/memory.h"
#include "proc/process.h"
#include "python/interpreter.h"
#include "python/other_loops.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/progress.h"
#include "util/text.h"
#include "util/version.h"

namespace aiotrace::app {
namespace {

struct AwaitsOptions {
  std::int32_t pid = 0;
  OutputFiles files;
  std::optional<std::uint64_t> duration_ns;
  double rate_hz = 20;
  double budget = 0.01;    ///< share of a core: snapshots are rarer than rate_hz if they would cost more
  bool exact = false;      ///< every await, by uprobes
  double max_cost = 0.05;  ///< share of a thread's time that `exact` may cost the target
  std::uint64_t slow_ns = 10'000'000;
  std::size_t top = 20;              ///< sites shown as text; 0: all
  std::optional<std::string> match;  ///< only awaits of tasks, coroutines or functions with this in their name
};

// Waits between snapshots, or until the run has to end.
class Pace {
 public:
  Pace(const AwaitsOptions& options, int pidfd, int signals, std::uint64_t begin_ns)
      : period_ns_(1e9 / options.rate_hz),
        budget_(kForSnapshots * options.budget),
        pidfd_(pidfd),
        signals_(signals),
        begin_ns_(begin_ns) {}

  /// False: the process ended, or the user requested the end. `tick` is called with the time and returns when it has to
  /// be called again.
  bool wait(std::uint64_t cost_ns, std::uint64_t end_ns, const std::function<std::uint64_t(std::uint64_t)>& tick) {
    // The most expensive of the last snapshots counts; a single expensive one is forgotten after a while.
    cost_ns_ = std::max(static_cast<double>(cost_ns), cost_ns_ * kForget);
    const double period_ns = std::max(period_ns_, cost_ns_ / budget_);
    slower_ = slower_ || period_ns > 1.5 * period_ns_;
    // With equal distances, waits with the same period would be seen always or never.
    std::uniform_real_distribution<double> around(0.5, 1.5);
    auto wake_ns = monotonic_ns() + static_cast<std::uint64_t>(period_ns * around(random_));
    used_ns_ += static_cast<double>(cost_ns);
    wake_ns = std::max(wake_ns, begin_ns_ + static_cast<std::uint64_t>(used_ns_ / budget_));
    if (end_ns != 0) {
      // The last snapshot is part of the budget too.
      const bool one_more = used_ns_ + 2 * cost_ns_ <= budget_ * static_cast<double>(end_ns - begin_ns_);
      wake_ns = one_more ? std::min(wake_ns, end_ns) : end_ns;
    }
    while (true) {
      const auto now = monotonic_ns();
      if (now >= wake_ns) return true;
      pollfd fds[2] = {{pidfd_, POLLIN, 0}, {signals_, POLLIN, 0}};
      const auto tick_ns = std::max(tick(now), now + 1);
      const auto left = to_timespec(std::min(wake_ns, tick_ns) - now);
      const int ready = ppoll(fds, 2, &left, nullptr);
      if (ready > 0) return false;
      if (ready < 0 && errno != EINTR) return false;
    }
  }
  [[nodiscard]] bool slower() const { return slower_; }

 private:
  static constexpr double kForget = 0.9;
  static constexpr double kForSnapshots = 0.9;  // share of the budget; the rest is for the start and the report
  double period_ns_;
  double budget_;
  int pidfd_;
  int signals_;
  std::uint64_t begin_ns_;
  double cost_ns_ = 0;
  double used_ns_ = 0;
  bool slower_ = false;
  std::minstd_rand random_{std::random_device{}()};
};

// The sites with most waiting time; more are not useful.
constexpr std::size_t kMaxCounters = 200;

/// The part that takes the snapshots, and their results.
struct Collector {
  const AwaitsOptions& options;
  const Interrupt& interrupt;
  const proc::Process& process;
  python::TaskReader& reader;
  AwaitSampler& sampler;
  Pace& pace;
  model::AwaitsSummary& summary;

  /// The process has ended, or the user does not want to wait longer.
  [[nodiscard]] bool over() const { return process.ends() || *interrupt.came; }
};

// True: this was the last one.
Result<bool> take_snapshot(Collector& to) {
  auto snapshot = to.reader.read();
  if (!snapshot) {
    if (to.over()) return true;
    return std::unexpected(snapshot.error());
  }
  if (*to.interrupt.came) return true;  // the snapshot is incomplete
  if (!snapshot->problem.empty())
    return fail("tasks of process " + std::to_string(to.options.pid), snapshot->problem, {}, ErrorKind::unsupported);
  to.summary.unreadable += snapshot->unreadable;
  if (snapshot->torn || snapshot->too_many) to.summary.torn++;
  to.summary.loops = std::max<std::uint64_t>(to.summary.loops, snapshot->loops.size());
  to.sampler.add(std::move(*snapshot), [&to](std::span<const python::Task* const> tasks, std::uint64_t taken_ns) {
    return to.reader.read_again(tasks, taken_ns);
  });
  return false;
}

Status collect(Collector to, const std::string& title, std::uint64_t end_ns) {
  Progress progress(fmt::format("takes snapshots of where the tasks of {} wait, {:g} a second{}", title,
                                to.options.rate_hz, how_to_end(to.options.duration_ns.value_or(0), "the table")));
  const auto tick = [&](std::uint64_t now_ns) {
    progress.update(now_ns, [&to] {
      return fmt::format("{} tasks wait, {} snapshots", format_count(to.sampler.last_tasks()),
                         format_count(to.sampler.sites().snapshots()));
    });
    return progress.next_ns();
  };
  std::uint64_t cost_ns = 0;
  // The last snapshot is taken after the end of the time, so that everything up to the end is counted.
  for (bool last = false;;
       last = last || !to.pace.wait(cost_ns, end_ns, tick) || (end_ns != 0 && monotonic_ns() >= end_ns)) {
    const auto before_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    const auto over = take_snapshot(to);
    if (!over) return std::unexpected(over.error());
    cost_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - before_ns;
    if (*over || last) return {};
  }
}

Status watch(const AwaitsOptions& options, const Interrupt& interrupt, AwaitsOutputs& out) {
  const auto process = proc::Process::open(options.pid);
  if (!process) return std::unexpected(process.error());
  if (auto status = may_read(*process); !status) return status;
  const auto maps = proc::Maps::read(options.pid);
  if (!maps) return std::unexpected(maps.error());
  const proc::LiveMemory memory(options.pid, interrupt.came);
  const auto interpreter = python::inspect(*process, *maps, memory);
  if (!interpreter) return std::unexpected(python::as_error(interpreter.error(), *process));
  if (const auto why = python::why_no_tasks(*interpreter, *process, memory))
    return fail("tasks of process " + std::to_string(options.pid), *why, {}, ErrorKind::unsupported);
  const auto pid = static_cast<std::uint32_t>(options.pid);
  const auto title = output::process_label(pid, process->comm(), interpreter->version_text);
  python::TaskReader reader(*interpreter, *process, memory);
  AwaitSampler sampler(options.match, out.wants_stacks());
  if (out.wants_curves()) sampler.keep_curves();
  const auto begin_ns = monotonic_ns();
  Pace pace(options, process->pidfd(), interrupt.fd.get(), begin_ns);
  const std::uint64_t end_ns = options.duration_ns ? begin_ns + *options.duration_ns : 0;
  model::AwaitsFound found;
  auto& summary = found.summary;
  summary.slow_ns = options.slow_ns;
  out.begin({.time_ns = begin_ns,
             .version = kVersion,
             .pid = pid,
             .comm = process->comm(),
             .python = interpreter->version_text,
             .top = options.top});
  Collector collector{.options = options,
                      .interrupt = interrupt,
                      .process = *process,
                      .reader = reader,
                      .sampler = sampler,
                      .pace = pace,
                      .summary = summary};
  if (auto status = collect(collector, title, end_ns); !status) return status;

  sampler.settle();
  summary.time_ns = monotonic_ns();
  summary.elapsed_ns = summary.time_ns - begin_ns;
  summary.snapshots = sampler.sites().snapshots();
  summary.first_ns = sampler.sites().first_ns();
  summary.watched_ns = sampler.sites().watched_ns();
  summary.tasks = sampler.most_tasks();
  summary.unreadable += sampler.left_out();
  summary.cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
  summary.slower = pace.slower();
  found.rows = sampler.sites().rows();
  if (!process->ends()) found.waits_for = await_resources(found.rows, reader, *interpreter, *process, memory);
  if (out.wants_stacks()) {
    found.by_stack = sampler.stacks().rows();
    found.stacks = sampler.weighted_stacks();
  }
  const auto curves = out.wants_curves() ? sampler.sites().curves(kMaxCounters) : std::vector<model::AwaitCurve>{};
  out.finish(found, curves, sampler.sites().points_over());
  if (summary.loop_seen()) return {};
  if (!process->ends()) return no_asyncio_loop(*process);
  say("pid " + std::to_string(pid) + " (" + process->comm() + ") ended before its loop was seen");
  return {};
}

constexpr double kLeastRateHz = 0.01;
constexpr double kMostRateHz = 1000;
constexpr double kLeastPercent = 0.001;

HelpText help() {
  return {.about =
              "aiotrace awaits shows where the tasks of a running process wait, and for how long. It takes "
              "snapshots of all tasks by reading memory: nothing is stopped, nothing is left behind. With "
              "--exact, probes time every await instead.",
          .usage = {"awaits [OPTIONS] -p PID"},
          .end =
              "Without --exact the totals are right within the error shown; counts, means and longest awaits are "
              "estimates where an await is shorter than the time between two snapshots.\n"
              "\n"
              "Examples:\n"
              "  sudo aiotrace awaits -p 1234 -d 30s          await sites by waiting time\n"
              "  sudo aiotrace awaits -p 1234 --exact         every await; how late tasks run\n"
              "  sudo aiotrace awaits -p 1234 --match fetch   only awaits with \"fetch\" in them\n"
              "  sudo aiotrace awaits -p 1234 --folded w.txt  for an await flame graph"};
}

struct Percents {
  double budget = 1;
  double max_cost = 5;
};

class Awaits final : public Command {
 public:
  void declare(CommandLine& line) override;
  [[nodiscard]] Status check(const CommandLine& line) override;
  [[nodiscard]] int run() override;

 private:
  AwaitsOptions options_;
  std::vector<std::int32_t> pids_;
  Percents percents_;
  std::optional<std::uint64_t> slow_ns_;  // as given
};

void Awaits::declare(CommandLine& line) {
  line.set_help(help());
  constexpr double kAll = 100;
  line.add_pids(pids_, "the process", Pids::one);
  declare_duration(line, options_.duration_ns);
  line.add_number("--rate", "HZ", options_.rate_hz, kLeastRateHz, kMostRateHz, "snapshots in a second");
  line.add_number("--budget", "PERCENT", percents_.budget, kLeastPercent, kAll,
                  "percent of a core that snapshots may cost; they are rarer where they would cost more");
  line.add_flag("--exact", options_.exact, "time every await, by probes in the process");
  line.add_number("--max-cost", "PERCENT", percents_.max_cost, kLeastPercent, kAll,
                  "end --exact if it costs a thread of the process more percent of its time");
  line.add_duration("--slow", slow_ns_, "an await at least this long is marked as slow", "10ms");
  line.add_count("--top", options_.top, "sites shown as text; 0: all");
  line.add_text("--match", "TEXT", options_.match, "only tasks, coroutines, functions or files with this in their name",
                "fetch");
  line.group("Output");
  declare_files(line, options_.files,
                {.folded = "folded await chains, for a flame graph of waiting",
                 .html = "a page for a browser: sites and a flame graph (--exact: delays)",
                 .perfetto = "for ui.perfetto.dev: how many tasks wait at each site, over time",
                 .stacks = "await chains"});
  declare_record(line, options_.files.record);
}

Status Awaits::check(const CommandLine& line) {
  if (pids_.empty()) return line.usage_see_help("no process given", "give -p PID");
  options_.pid = pids_.front();
  options_.slow_ns = slow_ns_.value_or(options_.slow_ns);
  options_.budget = percents_.budget / 100;
  options_.max_cost = percents_.max_cost / 100;
  auto not_exact = stack_files(options_.files);
  not_exact.emplace_back("--perfetto", &options_.files.perfetto);
  for (const auto& [name, path] : not_exact) {
    if (options_.exact && *path)
      return line.usage(name, "not with --exact, which writes text, --json, --html and --record");
  }
  return {};
}

int Awaits::run() {
  auto interrupt = on_interrupt();
  if (!interrupt) return report(interrupt.error());
  auto out = AwaitsOutputs::open(options_.files);
  if (!out) return report(out.error());
  Status status;
  if (options_.exact) {
    status = watch_exactly({.pid = options_.pid,
                            .duration_ns = options_.duration_ns,
                            .match = options_.match,
                            .max_cost = options_.max_cost,
                            .slow_ns = options_.slow_ns,
                            .top = options_.top},
                           *interrupt, *out);
  } else {
    status = probe::keep_capabilities_to_read();
    if (status) status = watch(options_, *interrupt, *out);
  }
  if (!status) return report(status.error());
  return out->failed() ? kExitFailure : 0;
}

}  // namespace

std::unique_ptr<Command> make_awaits() { return std::make_unique<Awaits>(); }

}  // namespace aiotrace::app

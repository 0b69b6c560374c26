#include "app/awaits_command.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <random>
#include <span>
#include <utility>

#include "app/arguments.h"
#include "app/await_sampler.h"
#include "app/command_output.h"
#include "app/exact_awaits.h"
#include "app/options.h"
#include "app/outputs.h"
#include "app/session.h"
#include "app/signals.h"
#include "app/stack_files.h"
#include "output/awaits.h"
#include "output/file_sink.h"
#include "output/labels.h"
#include "probe/privileges.h"
#include "proc/maps.h"
#include "proc/memory.h"
#include "proc/process.h"
#include "python/interpreter.h"
#include "util/clock.h"

namespace aiotrace::app {
namespace {

// Waits between snapshots, and for what ends them.
class Pace {
 public:
  Pace(const AwaitsOptions& options, int pidfd, int signals, std::uint64_t begin_ns)
      : period_ns_(1e9 / options.rate_hz),
        budget_(kForSnapshots * options.budget),
        pidfd_(pidfd),
        signals_(signals),
        begin_ns_(begin_ns) {}

  /// False: the process ended, or the user wants to.
  bool wait(std::uint64_t cost_ns, std::uint64_t end_ns) {
    // The dearest of the last ones counts; one that was dear by chance is forgotten.
    cost_ns_ = std::max(static_cast<double>(cost_ns), cost_ns_ * kForget);
    const double period_ns = std::max(period_ns_, cost_ns_ / budget_);
    slower_ = slower_ || period_ns > 1.5 * period_ns_;
    // At equal distances, waits of the same period would be seen always or never.
    std::uniform_real_distribution<double> around(0.5, 1.5);
    auto wake_ns = monotonic_ns() + static_cast<std::uint64_t>(period_ns * around(random_));
    used_ns_ += static_cast<double>(cost_ns);
    wake_ns = std::max(wake_ns, begin_ns_ + static_cast<std::uint64_t>(used_ns_ / budget_));
    if (end_ns != 0) {
      // The one at the end is in the budget too.
      const bool one_more = used_ns_ + 2 * cost_ns_ <= budget_ * static_cast<double>(end_ns - begin_ns_);
      wake_ns = one_more ? std::min(wake_ns, end_ns) : end_ns;
    }
    while (true) {
      const auto now = monotonic_ns();
      if (now >= wake_ns) return true;
      pollfd fds[2] = {{pidfd_, POLLIN, 0}, {signals_, POLLIN, 0}};
      const auto left = to_timespec(wake_ns - now);
      const int ready = ppoll(fds, 2, &left, nullptr);
      if (ready > 0) return false;
      if (ready < 0 && errno != EINTR) return false;
    }
  }
  [[nodiscard]] bool slower() const { return slower_; }

 private:
  static constexpr double kForget = 0.9;
  static constexpr double kForSnapshots = 0.9;  // of the budget; the rest is for the start and for telling
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

// Of the sites with most waiting time: more than that nobody looks at.
constexpr std::size_t kMaxCounters = 200;

// The files that are written at the end; null: not asked for.
struct Files {
  std::unique_ptr<output::FileSink> folded;
  std::unique_ptr<output::FileSink> html;
  std::unique_ptr<output::FileSink> perfetto;
  StackFiles others;
};

Result<Files> open_files(const AwaitsOptions& options) {
  auto folded = open_asked(options.folded);
  if (!folded) return std::unexpected(folded.error());
  auto html = open_asked(options.html);
  if (!html) return std::unexpected(html.error());
  auto perfetto = open_asked(options.perfetto);
  if (!perfetto) return std::unexpected(perfetto.error());
  auto others = StackFiles::open(options.speedscope, options.pprof);
  if (!others) return std::unexpected(others.error());
  return Files{.folded = std::move(*folded),
               .html = std::move(*html),
               .perfetto = std::move(*perfetto),
               .others = std::move(*others)};
}

void write_trace(const std::string& comm, const AwaitSampler& sampler, const output::AwaitsSummary& summary,
                 const AwaitsOptions& options, output::FileSink& sink, CommandOutput& out) {
  const auto pid = static_cast<std::uint32_t>(options.pid);
  const auto& sites = sampler.sites();
  out.check(sink.write_bytes(output::awaits_trace(pid, comm, sites.curves(kMaxCounters), summary, out.context())));
  if (sites.points_over() != 0)
    say("--perfetto: the file is full, " + std::to_string(sites.points_over()) + " changes are not in it");
}

void write_all(const std::string& title, const std::vector<model::AwaitRow>& rows, const AwaitSampler& sampler,
               const output::AwaitsSummary& summary, const AwaitsOptions& options, Files& files, CommandOutput& out) {
  if (out.has_text()) out.text(output::awaits_text(rows, options.top, summary, out.context()));
  if (files.folded) out.check(output::write_folded(sampler.stacks().rows(), *files.folded));
  if (files.html) {
    const auto page = output::awaits_page(title, rows, sampler.weighted_stacks(), summary, out.context());
    out.check(files.html->write_bytes(page));
  }
  if (files.others.wanted())
    files.others.write(sampler.weighted_stacks(), "aiotrace awaits", summary.time_ns, summary.elapsed_ns, out);
  if (!out.has_json()) return;
  for (const auto& row : rows) out.json(output::await_row_json(row, static_cast<std::uint32_t>(options.pid)));
  out.json(output::awaits_summary_json(summary, out.context()));
}

Status watch(const AwaitsOptions& options, const Interrupt& interrupt, Files& files, CommandOutput& out) {
  const auto process = proc::Process::open(options.pid);
  if (!process) return std::unexpected(process.error());
  const auto maps = proc::Maps::read(options.pid);
  if (!maps) return std::unexpected(maps.error());
  const proc::LiveMemory memory(options.pid, interrupt.came);
  const auto interpreter = python::inspect(*process, *maps, memory);
  if (!interpreter) return std::unexpected(Error(interpreter.error()));
  python::TaskReader reader(*interpreter, *process, memory);
  AwaitSampler sampler(options.match, options.wants_stacks());
  if (files.perfetto) sampler.keep_curves();
  const auto begin_ns = monotonic_ns();
  Pace pace(options, process->pidfd(), interrupt.fd.get(), begin_ns);
  const std::uint64_t end_ns = options.duration_ns ? begin_ns + *options.duration_ns : 0;
  output::AwaitsSummary summary;
  summary.slow_ns = options.slow_ns;
  out.json(output::awaits_watching_json(static_cast<std::uint32_t>(options.pid), process->comm(),
                                        interpreter->version_text, kVersion, out.context(), begin_ns));
  std::uint64_t cost_ns = 0;
  // The last snapshot comes after the end of the time: up to there all is counted.
  for (bool last = false;; last = last || !pace.wait(cost_ns, end_ns) || (end_ns != 0 && monotonic_ns() >= end_ns)) {
    const auto before_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    auto snapshot = reader.read();
    if (!snapshot) {
      if (process->ends() || *interrupt.came) break;
      return std::unexpected(snapshot.error());
    }
    if (*interrupt.came) break;  // half of a snapshot
    if (!snapshot->problem.empty())
      return fail("tasks of process " + std::to_string(options.pid), snapshot->problem, {}, ErrorKind::unsupported);
    summary.unreadable += snapshot->unreadable;
    if (snapshot->torn || snapshot->too_many) summary.torn++;
    sampler.add(std::move(*snapshot), [&reader](std::span<const python::Task* const> tasks, std::uint64_t taken_ns) {
      return reader.read_again(tasks, taken_ns);
    });
    cost_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - before_ns;
    if (last) break;
  }

  sampler.settle();
  summary.time_ns = monotonic_ns();
  summary.elapsed_ns = summary.time_ns - begin_ns;
  summary.snapshots = sampler.sites().snapshots();
  summary.first_ns = sampler.sites().first_ns();
  summary.watched_ns = sampler.sites().watched_ns();
  summary.tasks = sampler.most_tasks();
  summary.cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
  summary.slower = pace.slower();
  const auto title = output::process_label(static_cast<std::uint32_t>(options.pid), process->comm(),
                                           interpreter->version_text);
  write_all(title, sampler.sites().rows(), sampler, summary, options, files, out);
  if (files.perfetto) write_trace(process->comm(), sampler, summary, options, *files.perfetto, out);
  return {};
}

}  // namespace

int run_awaits(int argc, const char* const* argv) {
  const auto options = parse_awaits_options(argc, argv);
  if (!options) return report(options.error());
  if (options->message) return print_message(*options->message);
  auto interrupt = on_interrupt();
  if (!interrupt) return report(interrupt.error());
  auto out = CommandOutput::open(options->json);
  if (!out) return report(out.error());
  auto files = open_files(*options);
  if (!files) return report(files.error());
  if (options->exact) {
    if (auto status = watch_exactly(*options, *interrupt, files->html.get(), *out); !status)
      return report(status.error());
    return out->failed() ? kExitFailure : 0;
  }
  if (auto status = probe::keep_capabilities_to_read(); !status) return report(status.error());
  if (auto status = watch(*options, *interrupt, *files, *out); !status) return report(status.error());
  return out->failed() ? kExitFailure : 0;
}

}  // namespace aiotrace::app

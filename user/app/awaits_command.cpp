#include "app/awaits_command.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <random>

#include "app/await_sampler.h"
#include "app/options.h"
#include "app/outputs.h"
#include "app/session.h"
#include "output/awaits.h"
#include "output/file_sink.h"
#include "proc/maps.h"
#include "proc/memory.h"
#include "proc/process.h"
#include "python/interpreter.h"
#include "util/text.h"

namespace aiotrace::app {
namespace {

std::uint64_t clock_ns(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

std::uint64_t monotonic_ns() { return clock_ns(CLOCK_MONOTONIC); }

// Waits between snapshots, and for what ends them.
class Pace {
 public:
  Pace(const AwaitsOptions& options, int pidfd, int signals)
      : period_ns_(1e9 / options.rate_hz), budget_(options.budget), pidfd_(pidfd), signals_(signals) {}

  /// False: the process ended, or the user wants to.
  bool wait(std::uint64_t cost_ns, std::uint64_t end_ns) {
    // The dearest of the last ones counts; one that was dear by chance is forgotten.
    cost_ns_ = std::max(static_cast<double>(cost_ns), cost_ns_ * kForget);
    const double period_ns = std::max(period_ns_, cost_ns_ / budget_);
    slower_ = slower_ || period_ns > 1.5 * period_ns_;
    // At equal distances, waits of the same period would be seen always or never.
    std::uniform_real_distribution<double> around(0.5, 1.5);
    auto wake_ns = monotonic_ns() + static_cast<std::uint64_t>(period_ns * around(random_));
    if (end_ns != 0) wake_ns = std::min(wake_ns, end_ns);
    while (true) {
      const auto now = monotonic_ns();
      if (now >= wake_ns) return true;
      pollfd fds[2] = {{pidfd_, POLLIN, 0}, {signals_, POLLIN, 0}};
      const timespec left{static_cast<time_t>((wake_ns - now) / 1'000'000'000),
                          static_cast<long>((wake_ns - now) % 1'000'000'000)};
      const int ready = ppoll(fds, 2, &left, nullptr);
      if (ready > 0) return false;
      if (ready < 0 && errno != EINTR) return false;
    }
  }
  [[nodiscard]] bool slower() const { return slower_; }

 private:
  static constexpr double kForget = 0.9;
  double period_ns_;
  double budget_;
  int pidfd_;
  int signals_;
  double cost_ns_ = 0;
  bool slower_ = false;
  std::minstd_rand random_{std::random_device{}()};
};

struct Sinks {
  std::unique_ptr<output::FileSink> text, json, folded;
  output::OutputContext context;
};

Result<Sinks> open_sinks(const AwaitsOptions& options) {
  constexpr std::size_t kWide = 220;
  Sinks sinks;
  sinks.context.realtime_minus_monotonic_ns = static_cast<std::int64_t>(clock_ns(CLOCK_REALTIME) - monotonic_ns());
  const auto open = [](const std::optional<std::string>& path, std::unique_ptr<output::FileSink>& into) -> Status {
    if (!path) return {};
    auto sink = output::FileSink::open(*path);
    if (!sink) return std::unexpected(sink.error());
    into = std::move(*sink);
    return {};
  };
  if (auto status = open(options.json, sinks.json); !status) return std::unexpected(status.error());
  if (auto status = open(options.folded, sinks.folded); !status) return std::unexpected(status.error());
  if (options.json == "-") return sinks;
  auto out = output::FileSink::standard_output();
  if (!out) return std::unexpected(out.error());
  sinks.text = std::move(*out);
  const char* no_color = std::getenv("NO_COLOR");
  winsize size{};
  sinks.context.color = sinks.text->is_terminal() && (no_color == nullptr || *no_color == '\0');
  const bool sized = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col != 0;
  sinks.context.columns = sized ? size.ws_col : sinks.text->is_terminal() ? sinks.context.columns : kWide;
  return sinks;
}

// Signals end the watching, not the program: what was seen is told.
Result<UniqueFd> catch_signals() {
  sigset_t these;
  sigemptyset(&these);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&these, number);
  sigprocmask(SIG_BLOCK, &these, nullptr);
  if (std::signal(SIGPIPE, SIG_IGN) == SIG_ERR) return fail_errno("ignore SIGPIPE", errno);
  UniqueFd fd(signalfd(-1, &these, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return fail_errno("receive signals", errno);
  return fd;
}

Status write_all(const std::vector<model::AwaitRow>& rows, const AwaitSampler& sampler,
                 const output::AwaitsSummary& summary, const AwaitsOptions& options, Sinks& sinks) {
  if (sinks.text) {
    for (const auto& line : output::awaits_text(rows, options.top, summary, sinks.context)) {
      if (auto status = sinks.text->write_line(line); !status) return status;
    }
  }
  if (sinks.folded) {
    if (auto status = output::write_folded(sampler.stacks().rows(), *sinks.folded); !status) return status;
  }
  if (!sinks.json) return {};
  for (const auto& row : rows) {
    if (auto status = sinks.json->write_line(output::await_row_json(row, static_cast<std::uint32_t>(options.pid)));
        !status)
      return status;
  }
  return sinks.json->write_line(output::awaits_summary_json(summary, sinks.context));
}

Status watch(const AwaitsOptions& options, int signals, Sinks& sinks) {
  const auto process = proc::Process::open(options.pid);
  if (!process) return std::unexpected(process.error());
  const auto maps = proc::Maps::read(options.pid);
  if (!maps) return std::unexpected(maps.error());
  const proc::LiveMemory memory(options.pid);
  const auto interpreter = python::inspect(*process, *maps, memory);
  if (!interpreter) return std::unexpected(Error(interpreter.error()));
  python::TaskReader reader(*interpreter, *process, memory);
  AwaitSampler sampler(options.match, options.folded.has_value());
  Pace pace(options, process->pidfd(), signals);

  const auto begin_ns = monotonic_ns();
  const std::uint64_t end_ns = options.duration_ns ? begin_ns + *options.duration_ns : 0;
  output::AwaitsSummary summary;
  summary.slow_ns = options.slow_ns;
  if (sinks.json) {
    const auto line = output::awaits_watching_json(static_cast<std::uint32_t>(options.pid), process->comm(),
                                                   interpreter->version_text, kVersion, sinks.context, begin_ns);
    if (auto status = sinks.json->write_line(line); !status) return status;
  }
  std::uint64_t cost_ns = 0;
  // The last snapshot comes after the end was asked for: up to there all is counted.
  for (bool last = false;; last = last || !pace.wait(cost_ns, end_ns) || (end_ns != 0 && monotonic_ns() >= end_ns)) {
    const auto before_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    const auto snapshot = reader.read();
    if (!snapshot) {
      if (!process->alive()) break;
      return std::unexpected(snapshot.error());
    }
    if (!snapshot->problem.empty())
      return fail("tasks of process " + std::to_string(options.pid), snapshot->problem, {}, ErrorKind::unsupported);
    sampler.add(*snapshot);
    summary.unreadable += snapshot->unreadable;
    if (snapshot->torn || snapshot->too_many) summary.torn++;
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
  return write_all(sampler.sites().rows(), sampler, summary, options, sinks);
}

}  // namespace

int run_awaits(int argc, const char* const* argv) {
  const auto options = parse_awaits_options(argc, argv);
  if (!options) return report(options.error());
  auto signals = catch_signals();
  if (!signals) return report(signals.error());
  auto sinks = open_sinks(*options);
  if (!sinks) return report(sinks.error());
  if (options->message) {
    const auto status = sinks->text->write_line(*options->message);
    return status ? 0 : report(status.error());
  }
  const auto status = watch(*options, signals->get(), *sinks);
  const auto gone = [](const std::unique_ptr<output::FileSink>& sink) { return sink && sink->last_errno() == EPIPE; };
  if (status || gone(sinks->text) || gone(sinks->json)) return 0;
  return report(status.error());
}

}  // namespace aiotrace::app

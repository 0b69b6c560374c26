// `aiotrace hang -p PID`: what everybody waits for, who holds it, and that nobody can end it.

#include <poll.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/children.h"
#include "app/cli/exit_status.h"
#include "app/cli/messages.h"
#include "app/cli/signals.h"
#include "app/command_output.h"
#include "app/commands/command.h"
#include "app/hang_scanner.h"
#include "app/memory_access.h"
#include "output/json/hangs.h"
#include "output/text/hangs.h"
#include "probe/confine.h"
#include "probe/privileges.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/text.h"

namespace aiotrace::app {
namespace {

constexpr std::uint64_t kDefaultWatchNs = 10'000'000'000;
constexpr std::uint64_t kMostOfLookS = 60;

struct HangOptions {
  std::vector<std::int32_t> pids;
  std::optional<std::uint64_t> watch_ns;  ///< look again and again, this far apart
  std::optional<std::uint64_t> duration_ns;
  bool fail_on_hang = false;
  std::optional<std::string> json;  ///< "-": standard output
  bool quiet = false;
  bool verbose = false;
};

struct Watched {
  Watched(proc::Process opened, const std::atomic<bool>* stop)
      : process(std::move(opened)), scanner(process, stop, kMostOfLookS) {}
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

  proc::Process process;
  HangScanner scanner;
  std::vector<model::Hang> hangs;  // of the last look
  bool undecided = true;           // of the last look too: it did not see all tasks, and proved nothing
  bool ended = false;
};

class HangRun {
 public:
  HangRun(const HangOptions& options, CommandOutput& out, const std::atomic<bool>* interrupted)
      : options_(options), out_(out), interrupted_(interrupted) {}

  Status open() {
    for (const std::int32_t pid : options_.pids) {
      auto process = proc::Process::open(pid);
      if (!process) return std::unexpected(process.error());
      if (auto status = may_read(*process); !status) return status;
      say_loops_of_children(pid);
      watched_.emplace_back(std::move(*process), interrupted_);
    }
    return {};
  }

  Status run(int signals) {
    if (auto status = look_at_all(); !status || !options_.watch_ns) return status;
    const std::uint64_t end_ns = options_.duration_ns ? begin_ns_ + *options_.duration_ns : UINT64_MAX;
    std::uint64_t next_ns = begin_ns_ + *options_.watch_ns;
    while (wait_until(std::min(next_ns, end_ns), signals) && next_ns <= end_ns) {
      if (auto status = look_at_all(); !status) return status;
      // A look that takes longer than its interval is not followed by another at once.
      next_ns = std::max(next_ns + *options_.watch_ns, monotonic_ns() + *options_.watch_ns / 4);
    }
    return {};
  }

  int finish() {
    for (const Watched& each : watched_) {
      summary_.hangs += each.hangs.size();
      summary_.proved += static_cast<std::uint64_t>(std::ranges::count_if(each.hangs, model::is_proved));
    }
    const std::uint64_t now = monotonic_ns();
    summary_.elapsed_ns = now - begin_ns_;
    summary_.cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    out_.json(output::hang_summary_json(summary_, now, out_.context()));
    if (out_.failed()) return kExitFailure;
    if (!options_.fail_on_hang) return 0;
    if (proved_) return kExitStall;
    if (std::ranges::any_of(watched_, &Watched::undecided))
      return report(fail("--fail-on-hang", "the last look did not see all tasks, so a hang is not ruled out").error());
    return 0;
  }

 private:
  Status look_at_all() {
    for (Watched& each : watched_) {
      if (each.ended) continue;
      auto found = each.scanner.scan();
      if (!found && *interrupted_) return {};
      // One that ends while it is watched is no failure, and hangs no more.
      if (!found && options_.watch_ns && each.process.ends()) {
        each.ended = true;
        each.undecided = false;
        continue;
      }
      if (!found) return std::unexpected(found.error());
      each.hangs = std::move(found->hangs);
      const bool proved = std::ranges::any_of(each.hangs, model::is_proved);
      each.undecided = !proved && (found->scan.unreadable != 0 || found->scan.torn);
      proved_ = proved_ || proved;
      summary_.looks++;
      summary_.max_look_ns = std::max(summary_.max_look_ns, found->scan.duration_ns);
      summary_.unreadable += found->scan.unreadable;
      summary_.torn = summary_.torn || found->scan.torn;
      write(each, found->scan);
    }
    return {};
  }

  void write(const Watched& each, const model::HangScan& scan) {
    for (const auto& hang : each.hangs) out_.json(output::hang_json(hang));
    out_.json(output::hang_look_json(scan));
    if (options_.quiet || !out_.has_text()) return;
    const std::string heading = "pid " + std::to_string(each.process.pid()) + " (" +
                                clean_for_terminal(each.process.comm()) + "), Python " +
                                each.scanner.interpreter()->version_text + ": " + format_count(scan.tasks) +
                                (scan.tasks == 1 ? " task, " : " tasks, ") + format_count(scan.threads) +
                                (scan.threads == 1 ? " thread" : " threads");
    out_.text({{heading}});
    out_.text(output::hang_look_lines(each.hangs, scan, out_.context()));
  }

  // False: a signal came, standard output was closed, or no process is left.
  bool wait_until(std::uint64_t time_ns, int signals) {
    while (!out_.reader_gone()) {
      std::vector<pollfd> fds = {{signals, POLLIN, 0}};
      for (const Watched& each : watched_) {
        if (!each.ended) fds.push_back({each.process.pidfd(), POLLIN, 0});
      }
      if (fds.size() == 1) return false;
      const std::uint64_t now = monotonic_ns();
      if (now >= time_ns) return true;
      const auto timeout = to_timespec(time_ns - now);
      const int ready = ppoll(fds.data(), fds.size(), &timeout, nullptr);
      if ((ready < 0 && errno != EINTR) || fds[0].revents != 0) return false;
      for (Watched& each : watched_) {
        if (ready > 0 && !each.process.alive()) {
          each.ended = true;
          each.undecided = false;
        }
      }
    }
    return false;
  }

  const HangOptions& options_;
  CommandOutput& out_;
  const std::atomic<bool>* interrupted_;
  std::list<Watched> watched_;
  output::HangSummary summary_;
  std::uint64_t begin_ns_ = monotonic_ns();
  bool proved_ = false;
};

class HangCommand final : public Command {
 public:
  void declare(CommandLine& line) override;
  [[nodiscard]] Status check(const CommandLine& line) override;
  [[nodiscard]] int run() override;

 private:
  HangOptions options_;
};

void HangCommand::declare(CommandLine& line) {
  line.set_help(
      {.about =
           "aiotrace hang shows what the tasks and threads of a process wait for, who holds it, and whether nobody "
           "can end it: deadlocks, a loop that waits for itself, executors with all threads in use. It only reads "
           "the process's memory: nothing is stopped, nothing is left behind.",
       .usage = {"hang [OPTIONS] -p PID[,PID…]"},
       .end = "Examples:\n"
              "  sudo aiotrace hang -p 1234                 what hangs now\n"
              "  sudo aiotrace hang -p 1234 --watch=5s      a look every 5 s\n"
              "  sudo aiotrace hang -p 1234 --fail-on-hang  in a test\n"
              "\n"
              "Exit status: 0 success; 1 failure, or with --fail-on-hang not all tasks could be read; 2 wrong usage; 3 "
              "not permitted or not supported here; 4 something is proved to hang, with --fail-on-hang."});
  line.add_pids(options_.pids, "processes, with commas between them");
  line.add_optional_duration("--watch", options_.watch_ns, kDefaultWatchNs,
                             "look again and again, this far apart (10s without TIME), until Ctrl-C");
  line.add_duration("-d,--duration", options_.duration_ns, "with --watch: stop after this time");
  line.add_flag("--fail-on-hang", options_.fail_on_hang, "exit with status 4 if something is proved to hang");
  line.add_json(options_.json);
  line.add_flag("-q,--quiet", options_.quiet, "no text");
  line.add_flag("-v,--verbose", options_.verbose, "all waits and whole stacks");
}

Status HangCommand::check(const CommandLine& line) {
  if (options_.pids.empty()) return line.usage_see_help("no process given", "give -p PID");
  if (options_.duration_ns && !options_.watch_ns) return line.usage("-d", "needs --watch: one look has no duration");
  return {};
}

int HangCommand::run() {
  const auto interrupt = on_interrupt();
  if (!interrupt) return report(interrupt.error());
  auto out = CommandOutput::open(options_.json, options_.verbose);
  if (!out) return report(out.error());
  if (auto status = probe::keep_capabilities_to_read(); !status) return report(status.error());
  HangRun run(options_, *out, interrupt->came);
  if (auto status = run.open(); !status) return report(status.error());
  // If the kernel has no filters, doctor reports it.
  if (auto status = probe::confine(); !status && options_.verbose) say(status.error().message());
  if (auto status = run.run(interrupt->fd.get()); !status) return report(status.error());
  return run.finish();
}

}  // namespace

std::unique_ptr<Command> make_hang() { return std::make_unique<HangCommand>(); }

}  // namespace aiotrace::app

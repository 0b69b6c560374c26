// `aiotrace top`: all event loops of the machine, or of some processes, live.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/cli/exit_status.h"
#include "app/cli/messages.h"
#include "app/cli/run_options.h"
#include "app/cli/signals.h"
#include "app/commands/command.h"
#include "app/commands/run_targets.h"
#include "app/file_maker.h"
#include "app/outputs.h"
#include "app/session.h"
#include "app/stall_probe.h"
#include "app/terminal.h"
#include "app/top_engine.h"
#include "app/top_screen.h"
#include "output/context.h"
#include "output/file_sink.h"
#include "output/screen/grid.h"
#include "output/screen/top_view.h"
#include "probe/confine.h"
#include "probe/permissions.h"
#include "util/clock.h"
#include "util/log.h"

namespace aiotrace::app {
namespace {

struct TopOptions {
  TargetOptions targets;
  bool follow = false;
  std::optional<std::uint64_t> duration_ns;
  std::uint64_t interval_ns = 1'000'000'000;
  std::uint64_t warn_ns = 50'000'000;
  std::uint64_t error_ns = 200'000'000;
  bool once = false;
};

HelpText help() {
  return {
      .about =
          "aiotrace top shows the event loops of Python asyncio programs, and of other programs that wait in epoll, "
          "live: how busy each is, its longest iterations, its stalls and their causes. Nothing is stopped, nothing "
          "is left behind.",
      .usage = {"top [OPTIONS]", "top [OPTIONS] -p PID[,PID…]"},
      .end =
          "Keys: ? shows them; q ends it.\n"
          "\n"
          "Examples:\n"
          "  sudo aiotrace top                          every event loop on the machine\n"
          "  sudo aiotrace top -p 1234 --follow         a server with its workers\n"
          "  sudo aiotrace top --once --interval 5s     one screen as text, for scripts"};
}

SessionConfig session_config(const TopOptions& options, Filter filter) {
  auto duration = options.duration_ns;
  if (options.once && !duration) duration = options.interval_ns;
  return {.tracker = {.warn_ns = options.warn_ns,
                      .error_ns = options.error_ns,
                      .all = options.targets.all,
                      .filter = std::move(filter),
                      .follow = options.follow},
          .duration_ns = duration,
          .leaks = true,
          .hangs = true,
          .frugal = true};
}

std::string targets_text(const TargetOptions& targets) {
  if (targets.comm) return "--comm " + *targets.comm;
  if (targets.cgroup) return "--cgroup " + *targets.cgroup;
  if (targets.all) return "this machine";
  constexpr std::size_t kNamed = 4;
  if (targets.pids.size() > kNamed) return fmt::format("{} of -p", targets.pids.size());
  std::string pids;
  for (const auto pid : targets.pids) pids += (pids.empty() ? "pid " : ",") + std::to_string(pid);
  return pids;
}

// If standard output is no terminal: wide enough for every column.
constexpr std::size_t kWideColumns = 160;

int print_top(const TopEngine& engine, const TopOptions& options) {
  auto sink = output::FileSink::standard_output();
  if (!sink) return report(sink.error());
  const auto context = terminal_context(**sink);
  auto view = engine.view({});
  view.targets = targets_text(options.targets);
  view.time = output::local_time(monotonic_ns(), context).substr(0, 8);
  view.warn_ns = options.warn_ns;
  view.error_ns = options.error_ns;
  view.interactive = false;
  // For thousands of rows not all cells are computed at once.
  constexpr std::size_t kRowsAtOnce = 500;
  const bool utf8 = shows_utf8();
  const auto columns = (*sink)->is_terminal() ? context.columns : kWideColumns;
  do {
    output::Grid grid({.utf8 = utf8, .columns = columns, .rows = output::kTopHeaderLines + kRowsAtOnce});
    output::draw_top(grid, view);
    if (auto status = (*sink)->write_bytes(grid.text(view.first == 0 ? 0 : output::kTopHeaderLines)); !status)
      return report(status.error());
    view.first += kRowsAtOnce;
  } while (view.first < view.rows.size());
  return 0;
}

/// Reads the loops at the beginning and after each interval.
class Intervals final : public Beside {
 public:
  Intervals(TopEngine& engine, Session& session, std::uint64_t interval_ns)
      : engine_(engine), session_(session), interval_ns_(interval_ns) {}

  void add_fds(std::vector<pollfd>& /*fds*/) override {}
  std::uint64_t turn(std::uint64_t now_ns) override {
    if (now_ns < next_ns_) return next_ns_;
    engine_.refresh(session_, now_ns);
    last_ns_ = now_ns;
    return next_ns_ = now_ns + interval_ns_;
  }
  /// A last interval that is too short is not meaningful, so it is left out.
  [[nodiscard]] bool worth_another(std::uint64_t now_ns) const { return now_ns - last_ns_ >= interval_ns_ / 2; }

 private:
  TopEngine& engine_;
  Session& session_;
  std::uint64_t interval_ns_;
  std::uint64_t last_ns_ = 0;
  std::uint64_t next_ns_ = 0;
};

class Top final : public Command {
 public:
  void declare(CommandLine& line) override;
  [[nodiscard]] Status check(const CommandLine& line) override;
  [[nodiscard]] int run() override;

 private:
  [[nodiscard]] int print_once(Session& session, TopEngine& engine, int signals) const;
  [[nodiscard]] int show(Session& session, TopEngine& engine, Outputs& outputs, const FileMaker& files,
                         int signals) const;

  TopOptions options_;
  std::optional<std::uint64_t> interval_ns_, warn_ns_, error_ns_;  // as given
};

void Top::declare(CommandLine& line) {
  line.set_help(help());
  line.group("What to watch");
  declare_processes(line, options_.targets, "event loop on the machine");
  line.add_flag("--follow", options_.follow, "children of the watched processes too");
  declare_duration(line, options_.duration_ns);
  line.group("View");
  line.add_duration("--interval", interval_ns_, "time between two refreshes", "1s");
  line.add_flag("--once", options_.once, "one screen as text after -d, or after one interval: for scripts");
  line.add_duration("--warn", warn_ns_, "an iteration at least this long is a stall", "50ms");
  line.add_duration("--error", error_ns_, "a stall at least this long is marked as ERROR", "200ms");
}

Status Top::check(const CommandLine& line) {
  constexpr std::uint64_t kLeastIntervalNs = 100'000'000;
  constexpr std::uint64_t kMostIntervalNs = 3'600'000'000'000;
  options_.interval_ns = interval_ns_.value_or(options_.interval_ns);
  options_.warn_ns = warn_ns_.value_or(options_.warn_ns);
  options_.error_ns = error_ns_.value_or(std::max(options_.error_ns, options_.warn_ns));
  if (options_.error_ns < options_.warn_ns) return line.usage("--error", "must not be less than --warn");
  if (options_.interval_ns < kLeastIntervalNs || options_.interval_ns > kMostIntervalNs)
    return line.usage("--interval", "give 100ms to 1h");
  auto& targets = options_.targets;
  if (targets.pids.empty()) targets.all = true;
  if (options_.follow && targets.all) return line.usage("--follow is for -p", "without it every process is watched");
  if (!options_.once && (::isatty(STDOUT_FILENO) == 0 || ::isatty(STDIN_FILENO) == 0))
    return line.usage("standard input or output is no terminal", "add --once for one screen as text");
  return check_targets(line, targets);
}

int Top::print_once(Session& session, TopEngine& engine, int signals) const {
  Intervals intervals(engine, session, options_.interval_ns);
  session.watch(signals, [&] { return take_requests(signals); }, &intervals);
  const auto end_ns = monotonic_ns();
  const auto loops = session.loops_now(end_ns);
  const bool another = intervals.worth_another(end_ns);
  // The last looks for leaks and hangs, and stalls whose records were still in the ring buffer.
  (void)session.finish();
  if (another) engine.refresh(session, end_ns, loops);
  return print_top(engine, options_);
}

int Top::show(Session& session, TopEngine& engine, Outputs& outputs, const FileMaker& files, int signals) const {
  auto terminal = Terminal::open();
  if (!terminal) return report(terminal.error());
  ScreenMessages messages;
  {
    const MessageTaker taker([&](const std::string& message) { messages.add(message); });
    TopScreen screen({.interval_ns = options_.interval_ns,
                      .warn_ns = options_.warn_ns,
                      .error_ns = options_.error_ns,
                      .targets = targets_text(options_.targets)},
                     **terminal, engine, session, outputs, files, messages);
    session.watch(signals, [&] { return screen.take_signals(signals); }, &screen);
    screen.finish();
  }
  terminal->reset();
  if (!options_.targets.all && session.targets().alive() == 0) messages.add("every watched process has ended");
  for (const auto& message : messages.all()) say(message);
  return outputs.failed() ? kExitFailure : 0;
}

int Top::run() {
  if (auto status = probe::check_host(); !status) return report(status.error());
  auto filter = filter_of(options_.targets);
  if (!filter) return report(filter.error());
  auto signals = options_.once ? catch_signals({SIGCHLD}) : catch_signals({SIGCHLD, SIGWINCH, SIGTSTP, SIGUSR1});
  if (!signals) return report(signals.error());
  TopEngine engine(options_.warn_ns);
  auto outputs = Outputs::open({.files = {}, .on_stall = [&](const model::Stall& stall) { engine.add(stall); }});
  if (!outputs) return report(outputs.error());
  std::optional<FileMaker> files;
  if (!options_.once) {
    auto maker = FileMaker::start();
    if (!maker) return report(maker.error());
    files.emplace(std::move(*maker));
  }
  auto targets = RunTargets::open(options_.targets);
  if (!targets) return report(targets.error());
  auto probe = probe::Probe::load(
      stall_probe_options({.warn_ns = options_.warn_ns, .all = options_.targets.all, .follow = options_.follow}));
  if (!probe) return report(probe.error());
  Session session(session_config(options_, std::move(*filter)), *probe, *outputs);
  if (auto status = session.begin(targets->take()); !status) return report(status.error());
  // If the kernel has no filters, doctor reports it.
  [[maybe_unused]] const auto confined = probe::confine();
  return files ? show(session, engine, *outputs, *files, signals->get()) : print_once(session, engine, signals->get());
}

}  // namespace

std::unique_ptr<Command> make_top() { return std::make_unique<Top>(); }

}  // namespace aiotrace::app

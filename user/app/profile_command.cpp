#include "app/profile_command.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <memory>
#include <utility>

#include "app/arguments.h"
#include "app/command.h"
#include "app/command_output.h"
#include "app/options.h"
#include "app/outputs.h"
#include "app/probe_setup.h"
#include "app/profiler.h"
#include "app/session.h"
#include "app/signals.h"
#include "app/stack_files.h"
#include "output/file_sink.h"
#include "output/folded.h"
#include "output/profile.h"
#include "probe/privileges.h"
#include "python/interpreter.h"
#include "util/clock.h"

namespace aiotrace::app {
namespace {

using model::ProfileMode;

// What BPF does not wake us for is taken this often.
constexpr std::uint64_t kTickNs = 50'000'000;

probe::ProbeOptions probe_options(const ProfileCommandOptions& options) {
  const bool waits = options.mode != ProfileMode::cpu;
  probe::ProbeOptions wanted{.warn_ns = ~std::uint64_t{0},  // there are no stalls in a profile
                             .sample_period_ns = static_cast<std::uint64_t>(std::llround(1e9 / options.frequency_hz)),
                             .load_statistics = options.verbose,
                             .profile = probe::ProfileOptions{.samples = options.mode != ProfileMode::off_cpu,
                                                              .waits = waits,
                                                              .min_ns = options.min_ns,
                                                              .tasks = options.by == model::ProfileBy::task ||
                                                                       options.by == model::ProfileBy::coroutine,
                                                              .gil = options.mode == ProfileMode::gil},
                             .syscalls = wait_classes()};
  // Threads of all kinds are more than loops, and with waits many records come at once.
  wanted.max_threads = options.all ? 16384 : 4096;
  if (options.all) wanted.max_processes = 8192;
  if (waits) wanted.ring_bytes = 16u << 20;
  return wanted;
}

// The files that are written at the end.
class Files {
 public:
  static Result<Files> open(const ProfileCommandOptions& options) {
    Files files;
    for (const auto& [path, into] : {std::pair{&options.folded, &files.folded_},
                                     {&options.html, &files.html_},
                                     {&options.perfetto, &files.perfetto_}}) {
      auto sink = open_asked(*path);
      if (!sink) return std::unexpected(sink.error());
      *into = std::move(*sink);
    }
    auto others = StackFiles::open(options.speedscope, options.pprof);
    if (!others) return std::unexpected(others.error());
    files.others_ = std::move(*others);
    return files;
  }

  void write(const output::ProfileReport& report, CommandOutput& out) {
    if (perfetto_) write_trace(report, out);
    if (!folded_ && !html_ && !others_.wanted()) return;
    const bool sampled_only = report.head.mode == ProfileMode::cpu;
    model::WeightedStacks stacks(sampled_only ? "on a CPU" : "time", sampled_only ? "samples" : "times",
                                 model::WeightedStacks::Unit::nanoseconds);
    model::add_profile(stacks, report.rows, report.head.by, report.head.targets.size() != 1);
    if (folded_) out.check(output::write_folded(stacks, *folded_));
    if (html_) out.check(html_->write_bytes(output::profile_page(report, stacks, out.context())));
    others_.write(stacks, "aiotrace profile " + std::string(model::name(report.head.mode)), report.time_ns,
                  report.elapsed_ns, out);
  }

 private:
  void write_trace(const output::ProfileReport& report, CommandOutput& out) {
    out.check(perfetto_->write_bytes(output::profile_trace(report, out.context())));
    const auto over = report.timeline ? report.timeline->over() : 0;
    if (over != 0)
      say("--perfetto: the file is full, the last " + std::to_string(over) + " samples and waits are not in it");
  }

  std::unique_ptr<output::FileSink> folded_;
  std::unique_ptr<output::FileSink> html_;
  std::unique_ptr<output::FileSink> perfetto_;
  StackFiles others_;
};

// A second signal ends the program at once.
bool take_signals(int signals) {
  signalfd_siginfo info{};
  bool stop = false;
  while (read(signals, &info, sizeof(info)) == sizeof(info)) {
    if (info.ssi_signo == SIGCHLD) continue;
    stop = true;
    sigset_t these;
    sigemptyset(&these);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
      if (std::signal(number, SIG_DFL) != SIG_ERR) sigaddset(&these, number);
    }
    sigprocmask(SIG_UNBLOCK, &these, nullptr);
  }
  return stop;
}

void watch(const ProfileCommandOptions& options, probe::Probe& probe, Profiler& profiler, std::uint64_t begin_ns,
           int signals) {
  const std::uint64_t end_ns = options.duration_ns ? begin_ns + *options.duration_ns : 0;
  std::uint64_t next_look_ns = 0;
  bool stop = false;
  while (!stop) {
    auto now = monotonic_ns();
    if (end_ns != 0 && now >= end_ns) break;
    std::uint64_t wake = now + kTickNs;
    if (end_ns != 0) wake = std::min(wake, end_ns);
    if (next_look_ns != 0) wake = std::min(wake, next_look_ns);
    std::vector<pollfd> fds = {{signals, POLLIN, 0}, {probe.fd(), POLLIN, 0}};
    std::vector<std::uint32_t> pids;
    for (auto& [pid, target] : profiler.targets()) {
      if (target.ended) continue;
      fds.push_back({target.process().pidfd(), POLLIN, 0});
      pids.push_back(pid);
    }
    const auto timeout = to_timespec(wake > now ? wake - now : 0);
    if (ppoll(fds.data(), fds.size(), &timeout, nullptr) < 0 && errno != EINTR) {
      say("wait for records: " + std::string(strerrordesc_np(errno)));
      break;
    }
    if (auto status = profiler.consume(); !status) say(status.error().message());
    if (fds[0].revents != 0) stop = take_signals(signals);
    for (std::size_t i = 0; i < pids.size(); i++) {
      if (fds[i + 2].revents != 0) profiler.process_ended(pids[i]);
    }
    now = monotonic_ns();
    probe.measure_cost_now_and_then(now);
    profiler.add_running(now);
    next_look_ns = profiler.look(now);
    if (profiler.alive() == 0 && !options.all) break;
  }
}

output::ProfileHead head_of(const ProfileCommandOptions& options, Profiler& profiler, std::uint64_t begin_ns) {
  output::ProfileHead head{.time_ns = begin_ns,
                           .version = kVersion,
                           .kernel = kernel_release(),
                           .mode = options.mode,
                           .by = options.by,
                           .frequency_hz = options.mode == ProfileMode::off_cpu ? 0 : options.frequency_hz,
                           .min_ns = options.min_ns,
                           .targets = {}};
  for (const auto& [pid, target] : profiler.targets())
    head.targets.push_back({.pid = pid, .comm = target.comm(), .python = target.python_version()});
  return head;
}

Result<std::vector<Target>> open_targets(const ProfileCommandOptions& options, const std::optional<Command>& command) {
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

// A process that was asked for by its id and has no GIL gets an answer, not an empty profile.
Status check_gil(const ProfileCommandOptions& options, Profiler& profiler) {
  for (const auto& [pid, target] : profiler.targets()) {
    if (std::ranges::find(options.pids, static_cast<std::int32_t>(pid)) == options.pids.end()) continue;
    const auto* interpreter = target.interpreter();
    if (interpreter == nullptr || python::uses_gil(*interpreter, target.memory())) continue;
    return fail("profile --mode gil of process " + std::to_string(pid), "its threads run without a GIL",
                "--mode off-cpu has its waits for locks", ErrorKind::unsupported);
  }
  return {};
}

int profile(const ProfileCommandOptions& options, int signals, CommandOutput& out, Files& files) {
  std::optional<Command> command;
  if (!options.command.empty()) {
    auto started = Command::start(options.command);
    if (!started) return report(started.error());
    command = std::move(*started);
  }
  auto targets = open_targets(options, command);
  if (!targets) return report(targets.error());
  auto probe = probe::Probe::load(probe_options(options));
  if (!probe) return report(probe.error());
  if (auto status = probe->attach(); !status) return report(status.error());
  Profiler profiler(options, *probe);
  for (auto& target : *targets) {
    if (auto status = profiler.add(std::move(target), command.has_value()); !status) return report(status.error());
  }
  if (options.mode == ProfileMode::gil) {
    if (auto status = check_gil(options, profiler); !status) return report(status.error());
  }
  profiler.add_running(monotonic_ns());
  if (options.verbose) {
    for (const auto& note : probe->notes()) say(note);
  }
  const auto begin_ns = monotonic_ns();
  probe->measure_cost_now_and_then(begin_ns);
  out.json(output::profile_watching_json(head_of(options, profiler, begin_ns), out.context()));
  if (command) {
    if (auto status = command->release(); !status) {
      (void)report(status.error());
      (void)command->wait();
      return kExitNoCommand;
    }
  }
  if (auto status = probe::drop_capabilities(); !status) return report(status.error());
  watch(options, *probe, profiler, begin_ns, signals);

  // First all that is told, then what goes on: the other way round its end would count twice.
  if (auto status = profiler.consume(); !status) say(status.error().message());
  auto result = profiler.finish(begin_ns, monotonic_ns());
  result.head = head_of(options, profiler, begin_ns);
  result.cost = own_cost(*probe);
  if (out.has_json()) {
    for (const auto& row : result.rows) out.json(output::profile_row_json(row));
    out.json(output::profile_summary_json(result, out.context()));
  }
  if (out.has_text()) out.text(output::profile_text(result, options.top, out.context()));
  files.write(result, out);
  const int status = out.failed() ? kExitFailure : 0;
  if (!command) return status;
  const int own = command->wait();
  return own != 0 ? own : status;
}

}  // namespace

int run_profile(int argc, const char* const* argv) {
  const auto options = parse_profile_options(argc, argv);
  if (!options) return report(options.error());
  if (options->message) return print_message(*options->message);
  auto signals = catch_signals({SIGCHLD});
  if (!signals) return report(signals.error());
  auto out = CommandOutput::open(options->json, options->verbose);
  if (!out) return report(out.error());
  auto files = Files::open(*options);
  if (!files) return report(files.error());
  return profile(*options, signals->get(), *out, *files);
}

}  // namespace aiotrace::app

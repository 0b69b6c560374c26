// `aiotrace profile`: where the threads of processes spend their time.

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstring>
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
#include "app/probe_setup.h"
#include "app/profile_outputs.h"
#include "app/profiler.h"
#include "output/labels.h"
#include "probe/confine.h"
#include "probe/permissions.h"
#include "python/interpreter.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/progress.h"
#include "util/text.h"
#include "util/version.h"

namespace aiotrace::app {
namespace {

using model::ProfileBy;
using model::ProfileMode;

constexpr std::uint64_t kDefaultMinNs = 1'000'000;

struct ProfileOptions {
  TargetOptions targets;
  OutputFiles files;
  std::optional<std::uint64_t> duration_ns;
  ProfileMode mode = ProfileMode::cpu;
  ProfileBy by = ProfileBy::none;
  double frequency_hz = 99;
  std::uint64_t min_ns = kDefaultMinNs;  ///< intervals off the CPU at least this long are reported one by one
  std::size_t top = 10;                  ///< rows of each table shown as text; 0: all
  bool verbose = false;
};

// Interval for reading data for which BPF does not wake aiotrace.
constexpr std::uint64_t kTickNs = 50'000'000;

probe::ProbeOptions probe_options(const ProfileOptions& options) {
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
                             .syscalls = syscall_waits()};
  // There are more threads than loops, and with waits many records come at once.
  wanted.max_threads = options.targets.all ? 16384 : 4096;
  if (options.targets.all) wanted.max_processes = 8192;
  if (waits) wanted.ring_bytes = 16u << 20;
  return wanted;
}

model::ProfileHead head_of(const ProfileOptions& options, Profiler& profiler, std::uint64_t begin_ns) {
  model::ProfileHead head{.time_ns = begin_ns,
                          .version = kVersion,
                          .kernel = kernel_release(),
                          .mode = options.mode,
                          .by = options.by,
                          .frequency_hz = options.mode == ProfileMode::off_cpu ? 0 : options.frequency_hz,
                          .min_ns = options.min_ns,
                          .targets = {},
                          .top = options.top};
  for (const auto& [pid, target] : profiler.targets())
    head.targets.push_back({.pid = pid, .comm = target.comm(), .python = target.python_version()});
  return head;
}

std::string announcement(const ProfileOptions& options, const model::ProfileHead& head) {
  const auto whose = options.targets.all ? std::string("all Python processes") : output::targets_label(head.targets);
  std::string how;
  if (options.mode != ProfileMode::off_cpu)
    how = fmt::format(", {:g} samples for each second on a CPU", options.frequency_hz);
  return fmt::format("profiles the threads of {} (--mode {}{}){}", whose, model::name(options.mode), how,
                     how_to_end(options.duration_ns.value_or(0), "the profile"));
}

std::string seen_text(const ProfileOptions& options, const Profiler& profiler) {
  std::string text;
  if (options.mode != ProfileMode::off_cpu) text += format_count(profiler.samples()) + " samples, ";
  if (options.mode != ProfileMode::cpu) text += format_count(profiler.waits()) + " waits, ";
  return text + format_count(profiler.threads()) + " threads";
}

void watch(const ProfileOptions& options, probe::Probe& probe, Profiler& profiler, std::uint64_t begin_ns,
           int signals) {
  Progress progress(announcement(options, head_of(options, profiler, begin_ns)));
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
    profiler.targets().add_pidfds(fds);
    const auto timeout = to_timespec(wake > now ? wake - now : 0);
    if (ppoll(fds.data(), fds.size(), &timeout, nullptr) < 0 && errno != EINTR) {
      say("wait for records: " + std::string(strerrordesc_np(errno)));
      break;
    }
    if (auto status = profiler.consume(); !status) say(status.error().message());
    if (fds[0].revents != 0) stop = take_requests(signals).stop;
    if (probe.drained()) {
      for (const auto pid : profiler.targets().ended_in(fds)) profiler.process_ended(pid);
    }
    now = monotonic_ns();
    probe.measure_cost_now_and_then(now);
    profiler.add_running(now);
    next_look_ns = profiler.look(now);
    progress.update(now, [&] { return seen_text(options, profiler); });
    if (profiler.targets().alive() == 0 && !options.targets.all) break;
  }
}

// If the user named a process without a GIL, report that instead of an empty profile.
Status check_gil(const ProfileOptions& options, Profiler& profiler) {
  for (const auto& [pid, target] : profiler.targets()) {
    if (std::ranges::find(options.targets.pids, static_cast<std::int32_t>(pid)) == options.targets.pids.end()) continue;
    const auto* interpreter = target.interpreter();
    if (interpreter == nullptr || python::uses_gil(*interpreter, target.memory())) continue;
    return fail("profile --mode gil of process " + std::to_string(pid), "its threads run without a GIL",
                "--mode off-cpu has its waits for locks", ErrorKind::unsupported);
  }
  return {};
}

ProfilerConfig profiler_config(const ProfileOptions& options, Filter filter) {
  return {.mode = options.mode,
          .by = options.by,
          .frequency_hz = options.frequency_hz,
          .all = options.targets.all,
          .filter = std::move(filter),
          .timeline = options.files.perfetto.has_value(),
          .verbose = options.verbose};
}

// From here on all events are recorded.
Status begin(const ProfileOptions& options, probe::Probe& probe, Profiler& profiler, RunTargets& targets) {
  if (auto status = probe.attach(); !status) return status;
  for (auto& target : targets.take()) {
    const auto look = targets.starts_program() ? TargetSet::Look::fresh : TargetSet::Look::now;
    if (auto status = profiler.add(std::move(target), look); !status) return status;
  }
  if (options.mode == ProfileMode::gil) {
    if (auto status = check_gil(options, profiler); !status) return status;
  }
  profiler.add_running(monotonic_ns());
  if (options.verbose) {
    for (const auto& note : probe.notes()) say(note);
  }
  return {};
}

int profile(const ProfileOptions& options, Filter filter, int signals, ProfileOutputs& out) {
  auto targets = RunTargets::open(options.targets);
  if (!targets) return report(targets.error());
  auto probe = probe::Probe::load(probe_options(options));
  if (!probe) return report(probe.error());
  Profiler profiler(profiler_config(options, std::move(filter)), *probe);
  if (auto status = begin(options, *probe, profiler, *targets); !status) return report(status.error());
  const auto begin_ns = monotonic_ns();
  probe->measure_cost_now_and_then(begin_ns);
  out.begin(head_of(options, profiler, begin_ns));
  if (const auto failed = targets->release()) return *failed;
  if (auto status = probe::confine(); !status && options.verbose) say(status.error().message());
  watch(options, *probe, profiler, begin_ns, signals);

  auto result = profiler.finish(begin_ns);
  result.head = head_of(options, profiler, begin_ns);
  result.cost = own_cost(*probe);
  out.finish(result);
  return targets->exit_status(out.failed() ? kExitFailure : 0);
}

constexpr std::array kModes{ProfileMode::cpu, ProfileMode::off_cpu, ProfileMode::wall, ProfileMode::gil};
constexpr std::array kBys{ProfileBy::none, ProfileBy::thread, ProfileBy::task, ProfileBy::coroutine};
constexpr double kMostHz = 10'000;

HelpText help() {
  return {.about =
              "aiotrace profile shows where all threads of Python processes spend their time. Time on a CPU is "
              "sampled; time off the CPU is exact, from the scheduler. Nothing is stopped, nothing is left behind.",
          .usage = {"profile [OPTIONS] -p PID[,PID…]", "profile [OPTIONS] -a", "profile [OPTIONS] -- COMMAND…"},
          .end =
              "Modes:\n"
              "  cpu      samples of what runs\n"
              "  off-cpu  every interval off the CPU: system call, target, cause\n"
              "  wall     both: they add up to the time of each thread\n"
              "  gil      who holds the interpreter's lock, who waits for it and for whom\n"
              "\n"
              "Examples:\n"
              "  sudo aiotrace profile -p 1234 -d 10s                  top functions\n"
              "  sudo aiotrace profile -p 1234 --mode wall --by task   with the tasks' names\n"
              "  sudo aiotrace profile -p 1234 -d 30s --folded f       for a flame graph"};
}

class Profile final : public Command {
 public:
  void declare(CommandLine& line) override;
  [[nodiscard]] Status check(const CommandLine& line) override;
  [[nodiscard]] int run() override;

 private:
  ProfileOptions options_;
  std::optional<std::uint64_t> min_ns_;  // as given
};

void Profile::declare(CommandLine& line) {
  line.set_help(help());
  line.start_programs();
  line.group("What to watch");
  declare_targets(line, options_.targets, "Python process of the machine");
  declare_duration(line, options_.duration_ns);
  line.group("Profile");
  line.add_choice("--mode", "MODE", options_.mode, kModes, "what is counted, see Modes below");
  line.add_number("-F,--frequency", "HZ", options_.frequency_hz, 1, kMostHz, "samples in a second on a CPU");
  line.add_duration("--min", min_ns_, "shorter intervals off the CPU are only added up; 0 with --mode gil", "1ms",
                    Zero::allowed);
  line.add_choice("--by", "WHAT", options_.by, kBys, "what stands at the root of each stack");
  line.add_count("--top", options_.top, "rows of each table; 0: all");
  line.group("Output");
  declare_files(line, options_.files,
                {.folded = "folded stacks in microseconds, for flame graphs",
                 .html = "a page for a browser: functions, waits, flame graph",
                 .perfetto = "for ui.perfetto.dev: what each thread did, over time",
                 .stacks = "the stacks"});
  declare_record(line, options_.files.record);
  line.add_flag("-v,--verbose", options_.verbose, "what aiotrace does");
}

Status Profile::check(const CommandLine& line) {
  options_.min_ns = min_ns_.value_or(options_.mode == ProfileMode::gil ? 0 : kDefaultMinNs);
  return check_targets(line, options_.targets);
}

int Profile::run() {
  if (auto status = probe::check_host(); !status) return report(status.error());
  auto filter = filter_of(options_.targets);
  if (!filter) return report(filter.error());
  auto signals = catch_signals({SIGCHLD});
  if (!signals) return report(signals.error());
  auto out = ProfileOutputs::open(options_.files, options_.verbose);
  if (!out) return report(out.error());
  return profile(options_, std::move(*filter), signals->get(), *out);
}

}  // namespace

std::unique_ptr<Command> make_profile() { return std::make_unique<Profile>(); }

}  // namespace aiotrace::app

// `aiotrace serve`: the daemon.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/cli/exit_status.h"
#include "app/cli/messages.h"
#include "app/cli/run_options.h"
#include "app/cli/signals.h"
#include "app/commands/command.h"
#include "app/daemon/config_file.h"
#include "app/daemon/daemon.h"
#include "app/daemon/event_loop.h"
#include "app/daemon/http_listener.h"
#include "app/daemon/recorder.h"
#include "app/probe_setup.h"
#include "app/recorder_files.h"
#include "app/stall_probe.h"
#include "probe/confine.h"
#include "probe/permissions.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/version.h"

namespace aiotrace::app {

namespace {

constexpr const char* kDefaultAddress = "127.0.0.1:9877";
constexpr std::uint64_t kWarnNs = 50'000'000;
constexpr std::uint64_t kErrorNs = 200'000'000;

struct ServeOptions {
  std::optional<std::string> listen;
  std::optional<std::string> config;
  std::optional<std::string> check_config;
  std::optional<std::string> state;
  std::optional<std::uint64_t> warn_ns;
  std::optional<std::uint64_t> error_ns;
  bool other_loops = false;
  bool verbose = false;
};

/// Limits for a run.
struct Settings {
  std::string listen;
  std::uint64_t warn_ns = 0;
  std::uint64_t error_ns = 0;
  bool other_loops = false;
  fleet::RecorderConfig recorder;
};

HelpText help() {
  return {.about =
              "aiotrace serve watches every asyncio program of the machine, for as long as it runs, and serves metrics "
              "for Prometheus: stalls by cause, iterations, loops that hang now, by service.",
          .usage = {"serve [OPTIONS]", "serve --check-config FILE"},
          .end =
              "Examples:\n"
              "  sudo aiotrace serve                            http://127.0.0.1:9877/metrics\n"
              "  sudo aiotrace serve --config aiotrace.toml     as a file says, read anew\n"
              "  sudo aiotrace serve --state /var/lib/aiotrace  and for aiotrace report --last\n"
              "\n"
              "SIGHUP reads the configuration again, SIGTERM ends it."};
}

class Serve final : public Command {
 public:
  void declare(CommandLine& line) override;
  [[nodiscard]] Status check(const CommandLine& line) override;
  [[nodiscard]] bool needs_rights() const override { return !options_.check_config; }
  [[nodiscard]] int run() override;

 private:
  ServeOptions options_;
};

void Serve::declare(CommandLine& line) {
  line.set_help(help());
  line.group("What to serve");
  line.add_text("--listen", "ADDRESS", options_.listen,
                "answer requests here: an address with a port, or the path of a unix socket [default: " +
                    std::string(kDefaultAddress) + "]",
                kDefaultAddress);
  line.add_file("--config", options_.config, "settings, in TOML; an option wins over the file");
  line.add_file("--check-config", options_.check_config, "check such a file, and exit");
  line.add_text("--state", "DIRECTORY", options_.state, "keep recordings of the latest stalls there", kDefaultState);
  line.add_flag("--other-loops", options_.other_loops, "count the loops of programs that are no Python too");
  line.group("Stalls");
  line.add_duration("--warn", options_.warn_ns, "an iteration at least this long is a stall", "50ms");
  line.add_duration("--error", options_.error_ns, "a stall at least this long is an error", "200ms");
  line.group("Output");
  line.add_flag("-v,--verbose", options_.verbose, "what aiotrace does");
}

Status Serve::check(const CommandLine& line) {
  if (options_.error_ns && *options_.error_ns < options_.warn_ns.value_or(kWarnNs))
    return line.usage("--error", "must not be less than --warn");
  return {};
}

// Options override the file, the file overrides the defaults.
Settings settings_of(const ServeOptions& options, const fleet::Config& file) {
  Settings settings{.listen = options.listen.value_or(file.listen.value_or(kDefaultAddress)),
                    .warn_ns = options.warn_ns.value_or(file.warn_ns.value_or(kWarnNs)),
                    .error_ns = 0,
                    .other_loops = options.other_loops || file.other_loops.value_or(false),
                    .recorder = file.recorder};
  settings.error_ns = std::max(options.error_ns.value_or(file.error_ns.value_or(kErrorNs)), settings.warn_ns);
  auto& directory = settings.recorder.directory;
  if (options.state) directory = options.state;
  // systemd sets it for StateDirectory=. If it has several paths, separated by colons, the first one is used.
  if (const char* state = std::getenv("STATE_DIRECTORY"); !directory && state != nullptr && *state != '\0')
    directory = std::string(state).substr(0, std::string_view(state).find(':'));
  return settings;
}

int report_all(const std::vector<Error>& errors) {
  for (const auto& error : errors) (void)report(error);
  return kExitFailure;
}

int check_file(const std::string& path) {
  const auto read = ConfigFile(path).read();
  return read ? print_message(path + " is good\n") : report_all(read.error());
}

Result<std::unique_ptr<Recorder>> open_recorder(const Settings& settings) {
  if (!settings.recorder.directory) return nullptr;
  return Recorder::open(settings.recorder, {.time_ns = monotonic_ns(),
                                            .version = kVersion,
                                            .kernel = kernel_release(),
                                            .warn_ns = settings.warn_ns,
                                            .error_ns = settings.error_ns,
                                            .targets = {},
                                            .all = true});
}

DaemonConfig daemon_config(const Settings& settings, std::optional<ConfigFile> file, fleet::Config config,
                           bool verbose) {
  const auto selection = std::make_shared<const fleet::Selection>(config.selection);
  return {.tracker = {.warn_ns = settings.warn_ns,
                      .error_ns = settings.error_ns,
                      .all = true,
                      .filter = {.comm = {}, .cgroup = {}, .selection = selection},
                      .verbose = verbose,
                      .forget_ended = true},
          .other_loops = settings.other_loops,
          .file = std::move(file),
          .settings = std::move(config)};
}

int Serve::run() {
  if (options_.check_config) return check_file(*options_.check_config);
  if (auto status = probe::check_host(); !status) return report(status.error());
  std::optional<ConfigFile> file;
  fleet::Config config;
  if (options_.config) {
    auto read = file.emplace(*options_.config).read();
    if (!read) return report_all(read.error());
    config = std::move(*read);
  }
  const auto settings = settings_of(options_, config);
  auto signals = catch_signals();
  if (!signals) return report(signals.error());
  auto loop = EventLoop::create();
  if (!loop) return report(loop.error());
  auto listener = HttpListener::open(*loop, settings.listen);
  if (!listener) return report(listener.error());
  auto recorder = open_recorder(settings);
  if (!recorder) return report(recorder.error());
  auto probe = probe::Probe::load(
      stall_probe_options({.warn_ns = settings.warn_ns, .all = true, .verbose = options_.verbose}));
  if (!probe) return report(probe.error());

  const bool connects = config.otlp.endpoint || config.profiles.endpoint;
  Daemon daemon(daemon_config(settings, std::move(file), std::move(config), options_.verbose), *loop, **listener,
                *probe, std::move(*recorder));
  if (auto status = daemon.begin(); !status) return report(status.error());
  if (auto status = probe::confine({.accepts = true, .connects = connects}); !status) say(status.error().message());
  say("serves " + (*listener)->url() + "/metrics");
  const auto status = daemon.run(signals->get(), [&] { return take_requests(signals->get(), Hangup::reloads); });
  return status ? 0 : report(status.error());
}

}  // namespace

std::unique_ptr<Command> make_serve() { return std::make_unique<Serve>(); }

}  // namespace aiotrace::app

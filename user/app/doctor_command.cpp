#include "app/doctor_command.h"

#include <signal.h>

#include <CLI/CLI.hpp>
#include <vector>

#include "app/arguments.h"
#include "app/doctor_reports.h"
#include "app/options.h"
#include "app/outputs.h"
#include "app/session.h"
#include "output/doctor.h"
#include "output/file_sink.h"

namespace aiotrace::app {

namespace {

constexpr const char* kAbout =
    "aiotrace doctor: what works on this host and for a process, what does not, and what to do about it.\n"
    "Nothing is traced and nothing is changed.";

struct DoctorOptions {
  std::vector<std::int32_t> pids;
  std::string json;
  std::optional<std::string> help;
};

const Arguments kArguments("aiotrace doctor");

Result<DoctorOptions> parse(int argc, const char* const* argv) {
  DoctorOptions options;
  std::vector<std::string> pids;
  CLI::App parser(kAbout, "aiotrace doctor");
  parser.add_option("-p,--pid", pids, "processes to look at, with commas between them")->type_name("PID[,PID…]");
  parser.add_option("--json", options.json, "newline-delimited JSON to a file, or - for standard output")
      ->type_name("FILE");
  auto message = kArguments.parse(parser, argc - 1, argv + 1);
  if (!message) return std::unexpected(message.error());
  if (*message) {
    options.help = std::move(*message);
    return options;
  }
  for (const auto& text : pids) {
    if (auto status = kArguments.add_pids(text, options.pids); !status) return std::unexpected(status.error());
  }
  return options;
}

Status write_all(const std::vector<std::string>& lines, output::FileSink& sink) {
  for (const auto& line : lines) {
    if (auto status = sink.write_line(line); !status) return status;
  }
  return {};
}

struct Reports {
  model::HostReport host;
  std::vector<model::ProcessReport> processes;
};

Status tell(const Reports& reports, const DoctorOptions& options) {
  if (!options.json.empty()) {
    auto sink = output::FileSink::open(options.json);
    if (!sink) return std::unexpected(sink.error());
    std::vector<std::string> lines{output::host_json(reports.host)};
    for (const auto& process : reports.processes) lines.push_back(output::process_json(process));
    if (auto status = write_all(lines, **sink); !status || options.json == "-") return status;
  }
  auto sink = output::FileSink::standard_output();
  if (!sink) return std::unexpected(sink.error());
  const auto context = terminal_context(**sink);
  auto lines = output::host_lines(reports.host, context);
  for (const auto& process : reports.processes) {
    auto more = output::process_lines(process, context);
    lines.insert(lines.end(), more.begin(), more.end());
  }
  return write_all(lines, **sink);
}

}  // namespace

int run_doctor(int argc, const char* const* argv) {
  const auto options = parse(argc, argv);
  if (!options) return report(options.error());
  signal(SIGPIPE, SIG_IGN);
  if (options->help) return print_message(*options->help);
  std::vector<Target> targets;
  for (const auto pid : options->pids) {
    auto target = Target::open(pid);
    if (!target) return report(target.error());
    targets.push_back(std::move(*target));
  }
  Reports reports{.host = look_at_host(), .processes = {}};
  for (auto& target : targets) reports.processes.push_back(look_at_process(std::move(target), reports.host));
  if (auto status = tell(reports, *options); !status) return report(status.error());
  const auto* watch = command_of(reports.host.commands, "watch");
  return watch != nullptr && watch->works ? 0 : kExitNotPermitted;
}

}  // namespace aiotrace::app

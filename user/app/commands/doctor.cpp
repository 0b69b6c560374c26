// `aiotrace doctor [-p PID[,PID…]]`: what works here, what does not, and what to do about it.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/cli/exit_status.h"
#include "app/cli/messages.h"
#include "app/command_need.h"
#include "app/commands/command.h"
#include "app/commands/table.h"
#include "app/doctor_reports.h"
#include "app/outputs.h"
#include "output/file_sink.h"
#include "output/json/doctor.h"
#include "output/text/doctor.h"
#include "probe/privileges.h"

namespace aiotrace::app {

namespace {

struct DoctorOptions {
  std::vector<std::int32_t> pids;
  std::optional<std::string> json;
};

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

Status write(const Reports& reports, const DoctorOptions& options, output::FileSink* json) {
  if (json != nullptr) {
    std::vector<std::string> lines{output::host_json(reports.host)};
    for (const auto& process : reports.processes) lines.push_back(output::process_json(process));
    if (auto status = write_all(lines, *json); !status || options.json == "-") return status;
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

// The command `help` needs nothing.
std::vector<CommandNeed> needs() {
  std::vector<CommandNeed> needs;
  for (const auto& row : command_table()) {
    if (row.name != "help") needs.push_back(row.need);
  }
  return needs;
}

class Doctor final : public Command {
 public:
  void declare(CommandLine& line) override;
  [[nodiscard]] Status check(const CommandLine& /*line*/) override { return {}; }
  [[nodiscard]] int run() override;

 private:
  DoctorOptions options_;
};

void Doctor::declare(CommandLine& line) {
  line.set_help({.about = "aiotrace doctor shows what works on this host and for a process, what does not, and what "
                          "to do about it. Nothing is traced and nothing is changed.",
                 .usage = {"doctor [OPTIONS] [-p PID[,PID…]]"},
                 .end = "Examples:\n"
                        "  sudo aiotrace doctor            what this host grants\n"
                        "  sudo aiotrace doctor -p 1234    and what can be seen of a process\n"
                        "\n"
                        "Exit status: 0 stalls can be watched here; 1 failure; 2 wrong usage; 3 they cannot."});
  line.add_pids(options_.pids, "processes to look at, with commas between them");
  line.add_json(options_.json);
}

int Doctor::run() {
  std::unique_ptr<output::FileSink> json;
  if (options_.json) {
    auto sink = output::FileSink::open(*options_.json);
    if (!sink) return report(sink.error());
    json = std::move(*sink);
  }
  std::vector<Target> targets;
  for (const auto pid : options_.pids) {
    auto target = Target::open(pid);
    if (!target) return report(target.error());
    targets.push_back(std::move(*target));
  }
  const auto commands = needs();
  Reports reports{.host = look_at_host(commands), .processes = {}};
  // The host was checked with all rights; for a process the rights are reduced.
  if (auto status = probe::drop_capabilities(); !status) return report(status.error());
  for (auto& target : targets) reports.processes.push_back(look_at_process(std::move(target), reports.host, commands));
  if (auto status = write(reports, options_, json.get()); !status) return report(status.error());
  const auto* watch = command_of(reports.host.commands, "watch");
  return watch != nullptr && watch->works ? 0 : kExitNotPermitted;
}

}  // namespace

std::unique_ptr<Command> make_doctor() { return std::make_unique<Doctor>(); }

}  // namespace aiotrace::app

#include "app/cli/run_options.h"

#include "app/cli/command_line.h"

namespace aiotrace::app {

namespace {

// TASK_COMM_LEN, include/linux/sched.h, without the terminating null byte.
constexpr std::size_t kLongestComm = 15;

}  // namespace

void declare_processes(CommandLine& line, TargetOptions& targets, const std::string& what) {
  line.add_pids(targets.pids, "processes, with commas between them");
  line.add_flag("-a,--all", targets.all, "every " + what + ", those to come as well");
  line.add_text("--comm", "NAME", targets.comm, "with -a: only processes of this name", "python3");
  line.add_text("--cgroup", "PATH", targets.cgroup, "with -a: only processes in this control group and below it",
                "/system.slice/web.service");
}

void declare_targets(CommandLine& line, TargetOptions& targets, const std::string& what) {
  declare_processes(line, targets, what);
  line.add_flag("--as-root", targets.as_root, "under sudo, run COMMAND as root, not as the user who typed it");
}

Status check_targets(const CommandLine& line, TargetOptions& targets) {
  targets.command = line.program();
  const bool pids = !targets.pids.empty();
  const bool program = line.has_program();
  if (targets.comm && targets.comm->size() > kLongestComm)
    return line.usage("--comm " + *targets.comm,
                      "the kernel keeps 15 characters of a name: " + targets.comm->substr(0, kLongestComm));
  if (targets.comm || targets.cgroup) {
    const std::string filter = targets.comm ? "--comm" : "--cgroup";
    if (pids) return line.usage(filter + " selects among all processes", "drop -p");
    if (program) return line.usage(filter + " selects among all processes", "drop -- and the command");
    targets.all = true;
  }
  if (targets.as_root && !program) return line.usage("--as-root is for -- COMMAND", "drop it");
  if (!pids && !program && !targets.all)
    return line.usage_see_help("nothing to watch", "give -p PID, -a or -- COMMAND");
  if (pids + program + targets.all > 1) return line.usage("give only one of -p PID, -a and -- COMMAND");
  return {};
}

void declare_files(CommandLine& line, OutputFiles& files, const FileTexts& texts) {
  line.add_json(files.json);
  line.add_file("--folded", files.folded, texts.folded);
  line.add_file("--html", files.html, texts.html);
  line.add_file("--perfetto", files.perfetto, texts.perfetto);
  for (std::size_t i = 0; i < files.stacks.size(); ++i) {
    const auto& format = output::kStackFormatTable[i];
    line.add_file(std::string(format.option), files.stacks[i], texts.stacks + (", for " + std::string(format.viewer)));
  }
}

void declare_record(CommandLine& line, std::optional<std::string>& into) {
  line.add_file("--record", into, "a recording, for aiotrace report");
}

void declare_duration(CommandLine& line, std::optional<std::uint64_t>& into) {
  line.add_duration("-d,--duration", into, "stop after this time; without it at Ctrl-C");
}

}  // namespace aiotrace::app

// Options that several commands have: the same names, checks and words everywhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/output_files.h"
#include "util/result.h"

namespace aiotrace::app {

class CommandLine;

/// The processes that a run watches.
struct TargetOptions {
  std::vector<std::int32_t> pids;
  bool all = false;                   ///< every process on the machine
  std::optional<std::string> comm;    ///< with `all`: only processes of this command name
  std::optional<std::string> cgroup;  ///< with `all`: only processes of this control group and those below it
  std::vector<std::string> command;   ///< a program to start; empty: none
  bool as_root = false;               ///< the program keeps root rights under sudo
};

/// -p, -a, --comm and --cgroup. `what` completes "every …": "event loop on the machine".
void declare_processes(CommandLine& line, TargetOptions& targets, const std::string& what);
/// The same, and the options for a program to start.
void declare_targets(CommandLine& line, TargetOptions& targets, const std::string& what);

/// Call it after parse(). Exactly one of processes, all and a program is given; a filter alone means all.
[[nodiscard]] Status check_targets(const CommandLine& line, TargetOptions& targets);

/// Descriptions of the viewers' files, for --help.
struct FileTexts {
  const char* folded;
  const char* html;
  const char* perfetto;
  const char* stacks;  ///< description of the other formats of weighted stacks
};

/// --json and the files for viewers.
void declare_files(CommandLine& line, OutputFiles& files, const FileTexts& texts);

/// Descriptions for a run that watches stalls.
inline constexpr FileTexts kStallFiles{
    .folded = "folded stacks of the stalled time, for flame graphs",
    .html = "a page for a browser: time line, stalls, flame graph",
    .perfetto = "a trace for ui.perfetto.dev",
    .stacks = "a profile of the stalled time",
};

/// --record.
void declare_record(CommandLine& line, std::optional<std::string>& into);

/// -d: when a run ends, in nanoseconds.
void declare_duration(CommandLine& line, std::optional<std::uint64_t>& into);

}  // namespace aiotrace::app

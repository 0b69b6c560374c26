#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "app/arguments.h"
#include "app/profile_command.h"

namespace aiotrace::app {
namespace {

using model::ProfileBy;
using model::ProfileMode;

constexpr const char* kAbout =
    "aiotrace profile: where all threads of running Python processes spend their time.\n"
    "On a CPU it is sampled; off the CPU it is exact, from the scheduler. Nothing is stopped, nothing is left "
    "behind.\n\n"
    "  aiotrace profile [OPTIONS] -p PID[,PID…]\n"
    "  aiotrace profile [OPTIONS] -a\n"
    "  aiotrace profile [OPTIONS] -- COMMAND…";

constexpr const char* kExamples =
    "Modes:\n"
    "  cpu      samples of what runs (the default)\n"
    "  off-cpu  every interval off the CPU: system call, whom it waited for, cause\n"
    "  wall     both: they add up to the time of each thread\n"
    "  gil      who holds the interpreter's lock, who waits for it and for whom\n"
    "Examples:\n"
    "  sudo aiotrace profile -p 1234 -d 10s                    top functions\n"
    "  sudo aiotrace profile -p 1234 --mode wall --by task     with the tasks' names\n"
    "  sudo aiotrace profile -p 1234 -d 30s --folded cpu.folded for a flame graph";

const Arguments kArguments("aiotrace profile");

template <class Value, std::size_t N>
Status choose(const std::string& option, const std::string& text, const std::array<Value, N>& values, Value& into) {
  std::string names;
  for (std::size_t i = 0; i < N; i++) {
    if (text == model::name(values[i])) {
      into = values[i];
      return {};
    }
    names += std::string(i == 0 ? "" : i + 1 == N ? " or " : ", ").append(model::name(values[i]));
  }
  return kArguments.usage(option + " " + text, "must be " + names);
}

// As the user typed them, before they are checked.
struct Raw {
  std::vector<std::string> pids;
  std::string duration, min, comm, cgroup, json, folded, perfetto, speedscope, pprof, html;
  std::string mode = "cpu";
  std::string by = "none";
};

void declare(CLI::App& parser, Raw& raw, ProfileCommandOptions& options) {
  parser.footer(kExamples);
  parser.add_option("-p,--pid", raw.pids, "processes, with commas between them")->type_name("PID[,PID…]");
  parser.add_flag("-a,--all", options.all, "every Python process of the machine, those to come as well");
  parser.add_option("--comm", raw.comm, "with -a: only processes of this name")->type_name("NAME");
  parser.add_option("--cgroup", raw.cgroup, "with -a: only processes in this control group")->type_name("PATH");
  parser.add_option("-d,--duration", raw.duration, "stop after this time: 30s, 5m (until Ctrl-C)")->type_name("TIME");
  parser.add_option("--mode", raw.mode, "cpu, off-cpu, wall, gil (cpu)")->type_name("MODE");
  parser.add_option("-F,--frequency", options.frequency_hz, "samples for each second on a CPU (99)")->type_name("HZ");
  parser.add_option("--min", raw.min, "shorter intervals off the CPU are only added up (1ms; gil: 0)")
      ->type_name("TIME");
  parser.add_option("--by", raw.by, "at the root: none, thread, task, coroutine (none)")->type_name("WHAT");
  parser.add_option("--top", options.top, "so many rows of each table, 0: all (10)")->type_name("N");
  parser.add_option("--json", raw.json, "newline-delimited JSON to a file, or - for standard output")
      ->type_name("FILE");
  parser.add_option("--folded", raw.folded, "folded stacks in microseconds, for flame graphs")->type_name("FILE");
  parser.add_option("--perfetto", raw.perfetto, "for Perfetto: what each thread did in the order of time")
      ->type_name("FILE");
  parser.add_option("--speedscope", raw.speedscope, "for speedscope")->type_name("FILE");
  parser.add_option("--pprof", raw.pprof, "for go tool pprof")->type_name("FILE");
  parser.add_option("--html", raw.html, "a page for a browser: functions, waits and a flame graph")->type_name("FILE");
  parser.add_flag("-v,--verbose", options.verbose, "what aiotrace does");
}

Status convert(const Raw& raw, ProfileCommandOptions& options) {
  for (const auto& text : raw.pids) {
    if (auto status = kArguments.add_pids(text, options.pids); !status) return status;
  }
  if (auto status = kArguments.set_duration("-d ", raw.duration, options.duration_ns); !status) return status;
  constexpr std::array kModes{ProfileMode::cpu, ProfileMode::off_cpu, ProfileMode::wall, ProfileMode::gil};
  if (auto status = choose("--mode", raw.mode, kModes, options.mode); !status) return status;
  constexpr std::array kBys{ProfileBy::none, ProfileBy::thread, ProfileBy::task, ProfileBy::coroutine};
  if (auto status = choose("--by", raw.by, kBys, options.by); !status) return status;
  if (options.mode == ProfileMode::gil) options.min_ns = 0;
  if (!raw.min.empty()) {
    const auto ns = kArguments.duration("--min ", raw.min, true);
    if (!ns) return std::unexpected(ns.error());
    options.min_ns = *ns;
  }
  if (!(options.frequency_hz >= 1 && options.frequency_hz <= 10'000))
    return kArguments.usage("-F", "must be from 1 to 10000");
  if (!raw.comm.empty()) options.comm = raw.comm;
  if (!raw.cgroup.empty()) options.cgroup = raw.cgroup;
  // A filter alone says what is meant.
  if (options.comm || options.cgroup) options.all = true;
  if (!raw.json.empty()) options.json = raw.json;
  struct File {
    const char* option;
    const std::string& text;
    std::optional<std::string>* into;
  };
  for (const auto& [option, text, into] :
       {File{"--folded", raw.folded, &options.folded}, File{"--perfetto", raw.perfetto, &options.perfetto},
        File{"--speedscope", raw.speedscope, &options.speedscope}, File{"--pprof", raw.pprof, &options.pprof},
        File{"--html", raw.html, &options.html}}) {
    if (text == "-") return kArguments.usage(std::string(option) + " -", "needs a file");
    if (!text.empty()) *into = text;
  }
  return {};
}

}  // namespace

Result<ProfileCommandOptions> parse_profile_options(int argc, const char* const* argv) {
  ProfileCommandOptions options;
  Raw raw;
  CLI::App parser(kAbout, "aiotrace profile");
  declare(parser, raw, options);
  // What follows "--" is the command's own and never looked at.
  const std::span arguments(argv, static_cast<std::size_t>(argc));
  const auto separator = std::ranges::find(arguments, std::string_view("--"),
                                           [](const char* text) { return std::string_view(text); });
  const bool has_command = separator != arguments.end();
  if (has_command) options.command.assign(separator + 1, arguments.end());
  const auto own = static_cast<int>(separator - arguments.begin());
  auto message = kArguments.parse(parser, own - 1, argv + 1);
  if (!message) return std::unexpected(message.error());
  if (*message) {
    options.message = std::move(*message);
    return options;
  }
  if (auto status = convert(raw, options); !status) return std::unexpected(status.error());
  if (has_command && options.command.empty()) return kArguments.usage("--", "a command to start must follow");
  if (options.pids.empty() && !has_command && !options.all)
    return kArguments.usage("", "nothing to look at: give -p PID, -a or -- COMMAND");
  if (!options.pids.empty() + has_command + options.all > 1)
    return kArguments.usage("", "give only one of -p PID, -a and -- COMMAND");
  return options;
}

}  // namespace aiotrace::app

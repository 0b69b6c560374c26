#include "app/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <span>
#include <tuple>

#include "app/arguments.h"
#include "app/file_options.h"

namespace aiotrace::app {

namespace {

constexpr const char* kAbout =
    "aiotrace: which stall, how long, which task, which line, and why.\n"
    "Attaches to running Python asyncio programs (and any other epoll loop); nothing is restarted, nothing is left "
    "behind.\n\n"
    "  aiotrace [OPTIONS] -p PID[,PID…]     watch running processes\n"
    "  aiotrace [OPTIONS] -a                watch every event loop on the machine\n"
    "  aiotrace [OPTIONS] -- COMMAND…       start a program and watch it\n"
    "  aiotrace tasks -p PID[,PID…]         tasks now: where each stands, who waits for whom\n"
    "  aiotrace leaks -p PID[,PID…]         coroutines and tasks that leak\n"
    "  aiotrace awaits -p PID               where tasks wait, and for how long\n"
    "  aiotrace profile -p PID[,PID…]       on-CPU, blocked or wall-clock profile of all threads; who holds the GIL\n"
    "  aiotrace report FILE                 everything again from a recording\n"
    "  aiotrace doctor [-p PID]             what works here, what does not, and what to do about it";

constexpr const char* kExamples =
    "Examples:\n"
    "  sudo aiotrace -p 1234                     stalls as they happen, a summary at the end (Ctrl-C)\n"
    "  sudo aiotrace -p 1234 -d 30s --folded f   thirty seconds, then a folded file for a flame graph\n"
    "  sudo aiotrace -p 1234 -d 1m --html r.html a minute as a page to look at and pass on\n"
    "  sudo aiotrace -p 1234,1240 --warn 20ms    two processes, stalls from 20 ms on\n"
    "  sudo aiotrace -- python3 app.py           a program from its start on\n"
    "SIGUSR1 prints the summary so far. Exit status: 0; 1 failure; 2 usage; 3 not permitted or not supported; 4 a "
    "stall reached --fail-over; with a COMMAND, its own.";

const Arguments kArguments("aiotrace");

Status set_poll_probe(const std::string& text, probe::PollProbe& into) {
  using probe::PollProbe;
  for (const auto probe : {PollProbe::automatic, PollProbe::fentry, PollProbe::tracepoint, PollProbe::uprobe}) {
    if (text != probe::name(probe)) continue;
    into = probe;
    return {};
  }
  return kArguments.usage("--poll-probe " + text, "must be auto, fentry, tracepoint or uprobe");
}

// As the user typed them, before they are checked.
struct Raw {
  std::vector<std::string> pids;
  std::string duration, warn, error, fail_over, json, comm, cgroup;
  FileTexts files;
  std::string poll_probe = "auto";
  std::string leaks;
};

void declare(CLI::App& parser, Raw& raw, Options& options, bool& version) {
  parser.footer(kExamples);
  parser.add_option("-p,--pid", raw.pids, "processes to watch, with commas between them")->type_name("PID[,PID…]");
  parser.add_flag("-a,--all", options.all, "every event loop on the machine, those to come as well");
  parser.add_option("--comm", raw.comm, "with -a: only processes of this name")->type_name("NAME");
  parser.add_option("--cgroup", raw.cgroup, "with -a: only processes in this control group")->type_name("PATH");
  parser.add_flag("--follow", options.follow, "children of the watched processes too");
  parser.add_option("-d,--duration", raw.duration, "stop after this time: 30s, 5m")->type_name("TIME");
  parser.add_option("--warn", raw.warn, "an iteration at least this long is a stall (50ms)")->type_name("TIME");
  parser.add_option("--error", raw.error, "at least this long, and it is an ERROR (200ms)")->type_name("TIME");
  parser.add_option("--fail-over", raw.fail_over, "exit with 4 if a stall was at least this long")->type_name("TIME");
  parser.add_option("--json", raw.json, "newline-delimited JSON to a file, or - for standard output")
      ->type_name("FILE");
  declare_files(parser, raw.files);
  parser.add_option("--record", raw.files.record, "a recording, for aiotrace report")->type_name("FILE");
  parser.add_flag("--native", options.native, "whole native stacks of stalls, Python's frames among them");
  parser.add_option("--poll-probe", raw.poll_probe, "how polls are seen: auto, fentry, tracepoint, uprobe")
      ->type_name("WAY");
  parser.add_option("--leaks", raw.leaks, "look for leaks too, every 30 s: on, off (on; never with -a)")
      ->type_name("on|off");
  parser.add_flag("-q,--quiet", options.quiet, "no text about single stalls, only the summary");
  parser.add_flag("-v,--verbose", options.verbose, "whole stacks, and what aiotrace does");
  parser.add_flag("--version", version, "print the version and exit");
}

Status convert(const Raw& raw, Options& options) {
  for (const auto& text : raw.pids) {
    if (auto status = kArguments.add_pids(text, options.pids); !status) return status;
  }
  std::optional<std::uint64_t> warn_ns, error_ns;
  for (const auto& [option, text, into] :
       {std::tuple{"-d ", &raw.duration, &options.duration_ns}, std::tuple{"--warn ", &raw.warn, &warn_ns},
        std::tuple{"--error ", &raw.error, &error_ns},
        std::tuple{"--fail-over ", &raw.fail_over, &options.fail_over_ns}}) {
    if (auto status = kArguments.set_duration(option, *text, *into); !status) return status;
  }
  options.warn_ns = warn_ns.value_or(options.warn_ns);
  options.error_ns = error_ns.value_or(options.error_ns);
  // Raising only --warn above the default --error means that everything shown is an error.
  if (raw.error.empty()) options.error_ns = std::max(options.error_ns, options.warn_ns);
  if (options.error_ns < options.warn_ns)
    return kArguments.usage("--error " + raw.error,
                            "must not be less than --warn " + (raw.warn.empty() ? "50ms" : raw.warn));
  if (!raw.comm.empty()) options.comm = raw.comm;
  if (!raw.cgroup.empty()) options.cgroup = raw.cgroup;
  // A filter alone says what is meant.
  if (options.comm || options.cgroup) options.all = true;
  if (!raw.json.empty()) options.json = raw.json;
  if (!raw.leaks.empty() && raw.leaks != "on" && raw.leaks != "off")
    return kArguments.usage("--leaks " + raw.leaks, "must be on or off");
  options.leaks = raw.leaks != "off";
  if (auto status = set_files(kArguments, raw.files, options); !status) return status;
  return set_poll_probe(raw.poll_probe, options.poll_probe);
}

}  // namespace

Result<Options> parse_options(int argc, const char* const* argv) {
  Options options;
  Raw raw;
  bool version = false;
  CLI::App parser(kAbout, "aiotrace");
  declare(parser, raw, options, version);

  // What follows "--" is the command's own and never looked at.
  const std::span arguments(argv, static_cast<std::size_t>(argc));
  const auto separator = std::ranges::find(arguments, std::string_view("--"),
                                           [](const char* text) { return std::string_view(text); });
  const bool has_command = separator != arguments.end();
  if (has_command) options.command.assign(separator + 1, arguments.end());
  const auto own = static_cast<int>(separator - arguments.begin());

  auto message = kArguments.parse(parser, own, argv);
  if (!message) return std::unexpected(message.error());
  if (*message) {
    options.message = std::move(*message);
    return options;
  }
  if (version) {
    options.message = std::string("aiotrace ") + kVersion + "\n";
    return options;
  }
  if (auto status = convert(raw, options); !status) return std::unexpected(status.error());
  if (has_command && options.command.empty()) return kArguments.usage("--", "a command to start must follow");
  if (options.pids.empty() && !has_command && !options.all)
    return kArguments.usage("", "nothing to watch: give -p PID, -a or -- COMMAND");
  if (!options.pids.empty() + has_command + options.all > 1)
    return kArguments.usage("", "give only one of -p PID, -a and -- COMMAND");
  return options;
}

}  // namespace aiotrace::app

#include <CLI/CLI.hpp>
#include <vector>

#include "app/arguments.h"
#include "app/awaits_command.h"

namespace aiotrace::app {
namespace {

constexpr const char* kAbout =
    "aiotrace awaits: where the tasks of a running process wait, and for how long.\n"
    "Takes snapshots of all tasks by reading memory: nothing is stopped, nothing is left behind. With --exact probes "
    "time\n"
    "every await instead.\n\n"
    "  aiotrace awaits [OPTIONS] -p PID";

constexpr const char* kExamples =
    "The totals are right within the error shown; counts, means and longest awaits are estimates where an await is\n"
    "shorter than the time between two snapshots.\n"
    "Examples:\n"
    "  sudo aiotrace awaits -p 1234 -d 30s                await sites by waiting time\n"
    "  sudo aiotrace awaits -p 1234 --exact               every await, with p50 and p99, and how late tasks run\n"
    "  sudo aiotrace awaits -p 1234 --match fetch         only where \"fetch\" has a part in it\n"
    "  sudo aiotrace awaits -p 1234 --folded waits.folded an await flame graph";

const Arguments kArguments("aiotrace awaits");

}  // namespace

Result<AwaitsOptions> parse_awaits_options(int argc, const char* const* argv) {
  AwaitsOptions options;
  std::string pid, duration, slow;
  std::vector<std::int32_t> pids;
  double budget_percent = 1, max_cost_percent = 5;
  CLI::App parser(kAbout, "aiotrace awaits");
  parser.footer(kExamples);
  parser.add_option("-p,--pid", pid, "the process")->type_name("PID");
  parser.add_option("-d,--duration", duration, "stop after this time: 30s, 5m (until Ctrl-C)")->type_name("TIME");
  parser.add_option("--rate", options.rate_hz, "snapshots a second (20)")->type_name("N");
  parser.add_option("--budget", budget_percent, "percent of a core that they may cost (1)")->type_name("PERCENT");
  parser.add_flag("--exact", options.exact, "time every await, by probes in the process");
  parser.add_option("--max-cost", max_cost_percent, "end --exact when it costs a thread of the process more (5)")
      ->type_name("PERCENT");
  parser.add_option("--slow", slow, "an await at least this long is marked as slow (10ms)")->type_name("TIME");
  parser.add_option("--top", options.top, "so many sites as text, 0: all (20)")->type_name("N");
  parser.add_option("--match", options.match, "only tasks, coroutines, functions or files with this in their name")
      ->type_name("TEXT");
  parser.add_option("--json", options.json, "newline-delimited JSON to a file, or - for standard output")
      ->type_name("FILE");
  parser.add_option("--folded", options.folded, "folded await chains for a flame graph of waiting")->type_name("FILE");
  parser.add_option("--perfetto", options.perfetto, "for Perfetto: how many tasks wait at each site, over time")
      ->type_name("FILE");
  parser.add_option("--speedscope", options.speedscope, "await chains for speedscope")->type_name("FILE");
  parser.add_option("--pprof", options.pprof, "await chains for go tool pprof")->type_name("FILE");
  parser
      .add_option("--html", options.html,
                  "a page for a browser: the sites and a flame graph of await chains (--exact: the delays)")
      ->type_name("FILE");
  auto message = kArguments.parse(parser, argc - 1, argv + 1);
  if (!message) return std::unexpected(message.error());
  if (*message) {
    options.message = std::move(*message);
    return options;
  }
  if (pid.empty()) return kArguments.usage("", "nothing to look at: give -p PID");
  if (auto status = kArguments.add_pids(pid, pids); !status) return std::unexpected(status.error());
  if (pids.size() != 1) return kArguments.usage("-p " + pid, "one process at a time");
  options.pid = pids.front();
  if (auto status = kArguments.set_duration("-d ", duration, options.duration_ns); !status)
    return std::unexpected(status.error());
  std::optional<std::uint64_t> slow_ns;
  if (auto status = kArguments.set_duration("--slow ", slow, slow_ns); !status) return std::unexpected(status.error());
  options.slow_ns = slow_ns.value_or(options.slow_ns);
  if (!(options.rate_hz >= 0.01 && options.rate_hz <= 1000))
    return kArguments.usage("--rate", "must be from 0.01 to 1000");
  if (!(budget_percent > 0 && budget_percent <= 100))
    return kArguments.usage("--budget", "must be more than 0 and at most 100");
  options.budget = budget_percent / 100;
  if (!(max_cost_percent > 0 && max_cost_percent <= 100))
    return kArguments.usage("--max-cost", "must be more than 0 and at most 100");
  options.max_cost = max_cost_percent / 100;
  for (const auto& [name, path] : {std::pair{"--folded", &options.folded},
                                   {"--perfetto", &options.perfetto},
                                   {"--speedscope", &options.speedscope},
                                   {"--pprof", &options.pprof},
                                   {"--html", &options.html}}) {
    if (*path == "-") return kArguments.usage(std::string(name) + " -", "needs a file");
    if (options.exact && *path && path != &options.html) return kArguments.usage(name, "not with --exact");
  }
  return options;
}

}  // namespace aiotrace::app

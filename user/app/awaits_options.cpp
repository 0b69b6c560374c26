#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>

#include "app/awaits_command.h"
#include "util/duration.h"

namespace aiotrace::app {
namespace {

constexpr const char* kAbout =
    "aiotrace awaits: where the tasks of a running process wait, and for how long.\n"
    "Takes snapshots of all tasks by reading memory: nothing is stopped, nothing is left behind.\n\n"
    "  aiotrace awaits [OPTIONS] -p PID";

constexpr const char* kExamples =
    "The totals are right within the error shown; counts, means and longest awaits are estimates where an await is\n"
    "shorter than the time between two snapshots.\n"
    "Examples:\n"
    "  sudo aiotrace awaits -p 1234 -d 30s                await sites by waiting time\n"
    "  sudo aiotrace awaits -p 1234 --match fetch         only where \"fetch\" has a part in it\n"
    "  sudo aiotrace awaits -p 1234 --folded waits.folded an await flame graph";

std::unexpected<Error> usage(std::string what, std::string reason) {
  return fail(std::move(what), std::move(reason), "see aiotrace awaits --help", ErrorKind::usage);
}

Status set_duration(const char* option, const std::string& text, std::uint64_t& into) {
  const auto ns = parse_duration(text);
  if (!ns) return usage(std::string(option) + " " + text, ns.error().reason);
  if (*ns == 0) return usage(std::string(option) + " " + text, "must be more than 0");
  into = *ns;
  return {};
}

}  // namespace

Result<AwaitsOptions> parse_awaits_options(int argc, const char* const* argv) {
  AwaitsOptions options;
  std::string pid, duration, slow;
  double budget_percent = 1;
  CLI::App parser(kAbout, "aiotrace awaits");
  parser.footer(kExamples);
  parser.add_option("-p,--pid", pid, "the process")->type_name("PID");
  parser.add_option("-d,--duration", duration, "stop after this time: 30s, 5m (until Ctrl-C)")->type_name("TIME");
  parser.add_option("--rate", options.rate_hz, "snapshots a second (20)")->type_name("N");
  parser.add_option("--budget", budget_percent, "percent of a core that they may cost (1)")->type_name("PERCENT");
  parser.add_option("--slow", slow, "an await at least this long is marked as slow (10ms)")->type_name("TIME");
  parser.add_option("--top", options.top, "so many sites as text, 0: all (20)")->type_name("N");
  parser.add_option("--match", options.match, "only tasks, coroutines or functions with this in their name")
      ->type_name("TEXT");
  parser.add_option("--json", options.json, "newline-delimited JSON to a file, or - for standard output")
      ->type_name("FILE");
  parser.add_option("--folded", options.folded, "folded await chains for a flame graph of waiting")->type_name("FILE");
  try {
    parser.parse(argc - 1, argv + 1);
  } catch (const CLI::CallForHelp&) {
    options.message = parser.help();
    return options;
  } catch (const CLI::ParseError& error) {
    std::string reason = error.what();
    std::ranges::replace(reason, '\n', ' ');
    return usage("", std::move(reason));
  }
  if (pid.empty()) return usage("", "nothing to look at: give -p PID");
  const auto [end, error] = std::from_chars(pid.data(), pid.data() + pid.size(), options.pid);
  if (error != std::errc{} || end != pid.data() + pid.size() || options.pid <= 0)
    return usage("-p " + pid, "not a process id");
  std::uint64_t duration_ns = 0;
  if (!duration.empty()) {
    if (auto status = set_duration("-d", duration, duration_ns); !status) return std::unexpected(status.error());
    options.duration_ns = duration_ns;
  }
  if (!slow.empty()) {
    if (auto status = set_duration("--slow", slow, options.slow_ns); !status) return std::unexpected(status.error());
  }
  if (!(options.rate_hz >= 0.01 && options.rate_hz <= 1000)) return usage("--rate", "must be from 0.01 to 1000");
  if (!(budget_percent > 0 && budget_percent <= 100)) return usage("--budget", "must be more than 0 and at most 100");
  options.budget = budget_percent / 100;
  if (options.folded == "-") return usage("--folded -", "needs a file");
  return options;
}

}  // namespace aiotrace::app

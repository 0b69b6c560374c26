#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>

#include "app/leaks_command.h"
#include "util/duration.h"

namespace aiotrace::app {
namespace {

constexpr std::uint64_t kDefaultWatchNs = 10'000'000'000;
constexpr std::uint64_t kLongestUnaskedWaitNs = 10'000'000'000;

constexpr const char* kAbout =
    "aiotrace leaks: coroutines that nobody awaits, coroutines and tasks that nobody will resume, exceptions that\n"
    "nobody reads. Only reads the process's memory: nothing is stopped, nothing is left behind.\n\n"
    "  aiotrace leaks [OPTIONS] -p PID[,PID…]";

constexpr const char* kExamples =
    "How old an object is can be told only from when it was first seen: younger than --age it is a candidate. One look "
    "without --watch\ntherefore knows candidates only, and coroutines that were dropped. With --fail-on-leak, or an "
    "--age "
    "of up to 10s that is given, it looks twice, --age apart.\n"
    "Examples:\n"
    "  sudo aiotrace leaks -p 1234                            one look\n"
    "  sudo aiotrace leaks -p 1234 --watch=5s                 every 5 s: growth, and what is older than a minute\n"
    "  sudo aiotrace leaks -p 1234 --age 5s --fail-on-leak    in a test: exit status 4 if something leaks\n"
    "Exit status: 0; 1 failure; 2 usage; 3 not permitted or not supported; 4 a leak, with --fail-on-leak.";

std::unexpected<Error> usage(std::string what, std::string reason) {
  return fail(std::move(what), std::move(reason), "see aiotrace leaks --help", ErrorKind::usage);
}

Status add_pids(const std::string& text, std::vector<std::int32_t>& pids) {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (true) {
    std::int32_t pid = 0;
    const auto [next, error] = std::from_chars(at, end, pid);
    if (error != std::errc{} || pid <= 0 || (next != end && *next != ','))
      return usage("-p " + text, "not a process id, or several with commas between them");
    if (std::ranges::find(pids, pid) == pids.end()) pids.push_back(pid);
    if (next == end) return {};
    at = next + 1;
  }
}

Result<std::uint64_t> duration(const std::string& option, const std::string& text, bool zero) {
  const auto ns = parse_duration(text);
  if (!ns) return usage(option + text, ns.error().reason);
  if (*ns == 0 && !zero) return usage(option + text, "must be more than 0");
  return *ns;
}

}  // namespace

bool LeaksOptions::looks_twice() const {
  if (watch_ns || age_ns == 0) return false;
  return fail_on_leak || (age_given && age_ns <= kLongestUnaskedWaitNs);
}

Result<LeaksOptions> parse_leaks_options(int argc, const char* const* argv) {
  LeaksOptions options;
  std::vector<std::string> pids;
  std::string age;
  std::string watch;
  std::string run_time;
  CLI::App parser(kAbout, "aiotrace leaks");
  parser.footer(kExamples);
  parser.add_option("-p,--pid", pids, "processes, with commas between them")->type_name("PID[,PID…]");
  parser.add_option("--age", age, "what is older is a leak, what is younger a candidate (60s)")->type_name("TIME");
  auto* watch_option = parser.add_option("--watch", watch, "look again every 10s, or --watch=TIME, until Ctrl-C")
                           ->type_name("[TIME]")
                           ->expected(0, 1);
  parser.add_option("-d,--duration", run_time, "with --watch: stop after this time")->type_name("TIME");
  parser.add_flag("--fail-on-leak", options.fail_on_leak, "exit with 4 if there is a leak");
  parser.add_option("--json", options.json, "newline-delimited JSON to a file, or - for standard output")
      ->type_name("FILE");
  parser.add_flag("-q,--quiet", options.quiet, "no text");
  parser.add_flag("-v,--verbose", options.verbose, "all groups and whole stacks");
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
  for (const auto& text : pids) {
    if (auto status = add_pids(text, options.pids); !status) return std::unexpected(status.error());
  }
  if (options.pids.empty()) return usage("", "nothing to look at: give -p PID");
  if (!age.empty()) {
    const auto ns = duration("--age ", age, true);
    if (!ns) return std::unexpected(ns.error());
    options.age_ns = *ns;
    options.age_given = true;
  }
  if (watch_option->count() > 0) {
    const auto ns = watch.empty() ? Result<std::uint64_t>(kDefaultWatchNs) : duration("--watch=", watch, false);
    if (!ns) return std::unexpected(ns.error());
    options.watch_ns = *ns;
  }
  if (!run_time.empty()) {
    const auto ns = duration("-d ", run_time, false);
    if (!ns) return std::unexpected(ns.error());
    if (!options.watch_ns) return usage("-d " + run_time, "only with --watch");
    options.duration_ns = *ns;
  }
  return options;
}

}  // namespace aiotrace::app

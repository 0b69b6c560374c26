#include <CLI/CLI.hpp>

#include "app/arguments.h"
#include "app/leaks_command.h"

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
    "  sudo aiotrace leaks -p 1234 --origin                   and who made them\n"
    "  sudo aiotrace leaks -p 1234 --age 5s --fail-on-leak    in a test: exit status 4 if something leaks\n"
    "Exit status: 0; 1 failure; 2 usage; 3 not permitted or not supported; 4 a leak, with --fail-on-leak.";

const Arguments kArguments("aiotrace leaks");

}  // namespace

bool LeaksOptions::looks_twice() const {
  if (watch_ns) return false;
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
  parser.add_flag(
      "--origin", options.origin,
      "tell who made it, and exactly when, of what is made from now on; with --watch (10s). Each coroutine that is "
      "made costs the target a trap of some 2 µs");
  parser.add_option("--json", options.json, "newline-delimited JSON to a file, or - for standard output")
      ->type_name("FILE");
  parser.add_option("--html", options.html, "a page for a browser: places, and how they grew over the scans")
      ->type_name("FILE");
  parser.add_flag("-q,--quiet", options.quiet, "no text");
  parser.add_flag("-v,--verbose", options.verbose, "all groups and whole stacks");
  auto message = kArguments.parse(parser, argc - 1, argv + 1);
  if (!message) return std::unexpected(message.error());
  if (*message) {
    options.message = std::move(*message);
    return options;
  }
  for (const auto& text : pids) {
    if (auto status = kArguments.add_pids(text, options.pids); !status) return std::unexpected(status.error());
  }
  if (options.html == "-") return kArguments.usage("--html -", "needs a file");
  if (options.pids.empty()) return kArguments.usage("", "nothing to look at: give -p PID");
  if (!age.empty()) {
    const auto ns = kArguments.duration("--age ", age, true);
    if (!ns) return std::unexpected(ns.error());
    options.age_ns = *ns;
    options.age_given = true;
  }
  if (watch_option->count() > 0) {
    const auto ns = watch.empty() ? Result<std::uint64_t>(kDefaultWatchNs) : kArguments.duration("--watch=", watch);
    if (!ns) return std::unexpected(ns.error());
    options.watch_ns = *ns;
  } else if (options.origin && !options.looks_twice()) {
    options.watch_ns = kDefaultWatchNs;
  }
  if (!run_time.empty()) {
    const auto ns = kArguments.duration("-d ", run_time);
    if (!ns) return std::unexpected(ns.error());
    if (!options.watch_ns) return kArguments.usage("-d " + run_time, "only with --watch");
    options.duration_ns = *ns;
  }
  return options;
}

}  // namespace aiotrace::app

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>

#include "app/tasks_command.h"

namespace aiotrace::app {
namespace {

constexpr const char* kAbout =
    "aiotrace tasks: all asyncio tasks of a running process, where each stands and what it waits for.\n"
    "Only reads its memory: nothing is stopped, nothing is left behind.\n\n"
    "  aiotrace tasks [OPTIONS] -p PID[,PID…]";

constexpr const char* kExamples =
    "Examples:\n"
    "  sudo aiotrace tasks -p 1234                      a table, one line a task\n"
    "  sudo aiotrace tasks -p 1234 --tree               who waits for whom\n"
    "  sudo aiotrace tasks -p 1234 --stacks --name db   whole await chains of the tasks with \"db\" in their name\n"
    "  sudo aiotrace tasks -p 1234 --json -             one JSON object a task, then a summary";

std::unexpected<Error> usage(std::string what, std::string reason) {
  return fail(std::move(what), std::move(reason), "see aiotrace tasks --help", ErrorKind::usage);
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

}  // namespace

Result<TasksOptions> parse_tasks_options(int argc, const char* const* argv) {
  TasksOptions options;
  std::vector<std::string> pids;
  CLI::App parser(kAbout, "aiotrace tasks");
  parser.footer(kExamples);
  parser.add_option("-p,--pid", pids, "processes, with commas between them")->type_name("PID[,PID…]");
  parser.add_flag("--tree", options.tree, "each task below the one that awaits it");
  parser.add_flag("--stacks", options.stacks, "the whole await chain of each task");
  parser.add_option("--name", options.name, "only tasks with this in their name")->type_name("TEXT");
  parser.add_option("--coroutine", options.coroutine, "only tasks with this in their coroutine's name")
      ->type_name("TEXT");
  parser.add_flag("--finished", options.finished, "done tasks too that are still referenced (before Python 3.14)");
  parser.add_option("--json", options.json, "newline-delimited JSON to a file, or - for standard output")
      ->type_name("FILE");
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
  if (options.tree && options.stacks) return usage("--tree --stacks", "give only one of them");
  return options;
}

}  // namespace aiotrace::app

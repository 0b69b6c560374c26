#include <CLI/CLI.hpp>

#include "app/arguments.h"
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

const Arguments kArguments("aiotrace tasks");

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
  auto message = kArguments.parse(parser, argc - 1, argv + 1);
  if (!message) return std::unexpected(message.error());
  if (*message) {
    options.message = std::move(*message);
    return options;
  }
  for (const auto& text : pids) {
    if (auto status = kArguments.add_pids(text, options.pids); !status) return std::unexpected(status.error());
  }
  if (options.pids.empty()) return kArguments.usage("", "nothing to look at: give -p PID");
  if (options.tree && options.stacks) return kArguments.usage("--tree --stacks", "give only one of them");
  return options;
}

}  // namespace aiotrace::app

// `aiotrace tasks -p PID`: the tasks of a process, who waits for whom, where each stands.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "util/result.h"

namespace aiotrace::app {

struct TasksOptions {
  std::vector<std::int32_t> pids;
  bool tree = false;
  bool stacks = false;
  bool finished = false;                 ///< those too that are done but still referenced
  std::optional<std::string> name;       ///< only tasks whose name has this in it
  std::optional<std::string> coroutine;  ///< only tasks whose coroutine's qualified name has this in it
  std::optional<std::string> json;       ///< "-": standard output
  std::optional<std::string> message;    ///< --help: nothing more to do
};

/// Errors are of kind usage and fit on one line. argv[1] is the command's name.
[[nodiscard]] Result<TasksOptions> parse_tasks_options(int argc, const char* const* argv);

/// The exit status.
[[nodiscard]] int run_tasks(int argc, const char* const* argv);

}  // namespace aiotrace::app

// The processes that a run watches, and the program that it starts.
#pragma once

#include <optional>
#include <vector>

#include "app/child_program.h"
#include "app/cli/run_options.h"
#include "app/filter.h"
#include "app/target.h"
#include "util/result.h"

namespace aiotrace::app {

/// --comm and --cgroup. An unknown control group is an error.
[[nodiscard]] Result<Filter> filter_of(const TargetOptions& options);

class RunTargets {
 public:
  /// Starts the program if one was given; the program waits for release().
  [[nodiscard]] static Result<RunTargets> open(const TargetOptions& options);

  /// Once.
  [[nodiscard]] std::vector<Target> take() { return std::move(targets_); }
  [[nodiscard]] bool starts_program() const { return child_.has_value(); }
  /// Lets the program run. An error is reported, and its exit status returned.
  [[nodiscard]] std::optional<int> release();
  /// The exit status of the run: the program's own, unless it is 0 or there is no program. Waits for the program's end.
  [[nodiscard]] int exit_status(int status);

 private:
  std::optional<ChildProgram> child_;
  std::vector<Target> targets_;
};

}  // namespace aiotrace::app

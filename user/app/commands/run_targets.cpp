#include "app/commands/run_targets.h"

#include <filesystem>
#include <utility>

#include "app/cli/exit_status.h"
#include "app/cli/messages.h"
#include "app/open_files.h"
#include "probe/privileges.h"

namespace aiotrace::app {

Result<Filter> filter_of(const TargetOptions& options) {
  if (options.cgroup) {
    if (auto status = check_cgroup(*options.cgroup); !status) return std::unexpected(status.error());
  }
  return Filter{.comm = options.comm, .cgroup = options.cgroup};
}

Result<RunTargets> RunTargets::open(const TargetOptions& options) {
  RunTargets opened;
  auto pids = options.pids;
  if (!options.command.empty()) {
    auto child = ChildProgram::start(options.command,
                                     options.as_root ? ChildProgram::Rights::own : ChildProgram::Rights::of_caller);
    if (!child) return std::unexpected(child.error());
    pids = {child->pid()};
    opened.child_ = std::move(*child);
  }
  allow_many_open_files();
  // From here on aiotrace reads files and memory of other processes.
  if (auto status = probe::drop_capabilities(); !status) return std::unexpected(status.error());
  for (const auto pid : pids) {
    auto target = Target::open(pid);
    if (!target) return std::unexpected(target.error());
    // Until the child calls exec it is a copy of aiotrace.
    if (opened.child_) target->rename(std::filesystem::path(options.command.front()).filename());
    opened.targets_.push_back(std::move(*target));
  }
  return opened;
}

std::optional<int> RunTargets::release() {
  if (!child_) return std::nullopt;
  const auto status = child_->release();
  if (status) return std::nullopt;
  (void)report(status.error());
  (void)child_->wait();
  return kExitNoCommand;
}

int RunTargets::exit_status(int status) {
  if (!child_) return status;
  const int own = child_->wait();
  return own != 0 ? own : status;
}

}  // namespace aiotrace::app

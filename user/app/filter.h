// Selection of the machine's processes: --comm, --cgroup, and the selection of a daemon.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "fleet/selection.h"
#include "util/result.h"

namespace aiotrace::app {

struct Filter {
  std::optional<std::string> comm;
  std::optional<std::string> cgroup;  ///< a path below a cgroup mount, or one that starts with /sys/fs/cgroup
  std::shared_ptr<const fleet::Selection> selection{};  ///< null: all

  [[nodiscard]] bool matches(std::uint32_t pid, std::string_view comm_now) const;
};

/// An error if the group does not exist: neither on a cgroup mount nor in any process.
[[nodiscard]] Status check_cgroup(const std::string& wanted);

/// True if a line of /proc/PID/cgroup names the group or a descendant, in any hierarchy. The path may begin with the
/// mount point (and, for version 1, the controller).
[[nodiscard]] bool in_cgroup(std::string_view proc_cgroup, std::string_view wanted);

}  // namespace aiotrace::app

// Where control groups are mounted, and the group of a thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace aiotrace::proc {

/// A mounted hierarchy that can have CPU quotas: version 2, or the one of version 1 with the controller `cpu`.
struct CgroupMount {
  std::string directory;  ///< where it is mounted
  std::string root;       ///< the group that is mounted there: "/" except for a part of a hierarchy, as in a container
  bool version2 = false;

  bool operator==(const CgroupMount&) const = default;
};

/// The mounts in the text of /proc/PID/mountinfo (proc_pid_mountinfo(5)), in its order; any directory, also with
/// spaces.
[[nodiscard]] std::vector<CgroupMount> cgroup_mounts(std::string_view mountinfo);

/// The group of the hierarchy with the controller `cpu` (version 1) or of version 2 in the text of /proc/PID/cgroup
/// (cgroups(7)); empty: none.
[[nodiscard]] std::string cpu_cgroup_path(std::string_view proc_cgroup, bool version2);

/// The directory of a group in a mounted hierarchy; empty if the mount does not show it: it is outside `root`, or
/// outside the reader's cgroup namespace ("/../other").
[[nodiscard]] std::string cgroup_directory(const CgroupMount& mount, std::string_view path);

}  // namespace aiotrace::proc

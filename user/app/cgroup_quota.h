// The CPU quota that throttles a thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace aiotrace::app {

struct CpuQuota {
  std::string cgroup;  ///< path below its hierarchy's root
  std::uint64_t quota_us = 0;
  std::uint64_t period_us = 0;
};

/// The tightest quota among the thread's control group and those above it, version 2 or 1; nothing if there is none.
[[nodiscard]] std::optional<CpuQuota> cpu_quota(std::uint32_t pid, std::uint32_t tid);

/// The path of the hierarchy with the `cpu` controller (version 1) or of version 2 in /proc/PID/cgroup; empty: none.
[[nodiscard]] std::string cpu_cgroup_path(std::string_view proc_cgroup, bool version2);

}  // namespace aiotrace::app

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

/// The tightest quota of the thread's control group and its ancestors, in every hierarchy (version 2 or 1) that
/// aiotrace's mounts show; nothing if there is none.
[[nodiscard]] std::optional<CpuQuota> cpu_quota(std::uint32_t pid, std::uint32_t tid);

/// The same, from the texts of /proc/PID/mountinfo and /proc/PID/cgroup.
[[nodiscard]] std::optional<CpuQuota> cpu_quota_of(std::string_view mountinfo, std::string_view proc_cgroup);

}  // namespace aiotrace::app

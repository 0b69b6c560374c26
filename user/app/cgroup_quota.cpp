#include "app/cgroup_quota.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "proc/cgroups.h"
#include "proc/text_file.h"

namespace aiotrace::app {

namespace {

constexpr std::size_t kMaxText = std::size_t{1} << 20;

std::optional<std::int64_t> number_in(std::string_view text) {
  std::int64_t number = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc{}) return std::nullopt;
  return number;
}

// cpu.max of version 2: "max 100000" or "20000 100000".
std::optional<CpuQuota> read_version2(const std::string& directory) {
  const auto text = proc::read_text(directory + "/cpu.max", 128);
  if (!text) return std::nullopt;
  const auto space = text->find(' ');
  const auto quota = number_in(*text);
  if (!quota || space == std::string::npos) return std::nullopt;
  const auto period = number_in(std::string_view(*text).substr(space + 1));
  if (!period || *period <= 0) return std::nullopt;
  return CpuQuota{{}, static_cast<std::uint64_t>(*quota), static_cast<std::uint64_t>(*period)};
}

std::optional<CpuQuota> read_version1(const std::string& directory) {
  const auto quota_text = proc::read_text(directory + "/cpu.cfs_quota_us", 64);
  const auto period_text = proc::read_text(directory + "/cpu.cfs_period_us", 64);
  if (!quota_text || !period_text) return std::nullopt;
  const auto quota = number_in(*quota_text);
  const auto period = number_in(*period_text);
  if (!quota || *quota <= 0 || !period || *period <= 0) return std::nullopt;
  return CpuQuota{{}, static_cast<std::uint64_t>(*quota), static_cast<std::uint64_t>(*period)};
}

bool tighter(const CpuQuota& a, const CpuQuota& b) { return a.quota_us * b.period_us < b.quota_us * a.period_us; }

/// The tightest quota of the group and its ancestors, as far as the mount shows them.
std::optional<CpuQuota> tightest(const proc::CgroupMount& mount, std::string path) {
  std::optional<CpuQuota> found;
  for (bool last = false; !last && !path.empty();) {
    const auto directory = proc::cgroup_directory(mount, path);
    if (directory.empty()) break;
    if (auto quota = mount.version2 ? read_version2(directory) : read_version1(directory)) {
      quota->cgroup = path;
      if (!found || tighter(*quota, *found)) found = std::move(quota);
    }
    last = path.size() == 1;
    path.resize(std::max<std::size_t>(1, path.find_last_of('/')));
  }
  return found;
}

}  // namespace

std::optional<CpuQuota> cpu_quota(std::uint32_t pid, std::uint32_t tid) {
  const auto groups = proc::read_text(fmt::format("/proc/{}/task/{}/cgroup", pid, tid), kMaxText);
  const auto mounts = proc::read_text("/proc/self/mountinfo", kMaxText);
  return groups && mounts ? cpu_quota_of(*mounts, *groups) : std::nullopt;
}

std::optional<CpuQuota> cpu_quota_of(std::string_view mountinfo, std::string_view proc_cgroup) {
  std::optional<CpuQuota> found;
  for (const auto& mount : proc::cgroup_mounts(mountinfo)) {
    auto quota = tightest(mount, proc::cpu_cgroup_path(proc_cgroup, mount.version2));
    if (quota && (!found || tighter(*quota, *found))) found = std::move(quota);
  }
  return found;
}

}  // namespace aiotrace::app

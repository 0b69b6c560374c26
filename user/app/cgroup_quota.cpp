#include "app/cgroup_quota.h"

#include <array>
#include <charconv>

#include "proc/text_file.h"

namespace aiotrace::app {

namespace {

constexpr std::size_t kMaxCgroupText = std::size_t{64} * 1024;

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

template <class Read>
std::optional<CpuQuota> tightest(const std::string& mount, std::string path, const Read& read) {
  std::optional<CpuQuota> found;
  while (path.size() > 1) {
    if (auto quota = read(mount + path)) {
      quota->cgroup = path;
      if (!found || tighter(*quota, *found)) found = std::move(quota);
    }
    path.resize(path.find_last_of('/'));
  }
  return found;
}

}  // namespace

std::string cpu_cgroup_path(std::string_view text, bool version2) {
  while (!text.empty()) {
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const auto first = line.find(':');
    const auto second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string controllers = "," + std::string(line.substr(first + 1, second - first - 1)) + ",";
    const bool wanted = version2 ? controllers == ",," : controllers.find(",cpu,") != std::string::npos;
    if (wanted) return std::string(line.substr(second + 1));
  }
  return {};
}

std::optional<CpuQuota> cpu_quota(std::uint32_t pid, std::uint32_t tid) {
  const auto text = proc::read_text("/proc/" + std::to_string(pid) + "/task/" + std::to_string(tid) + "/cgroup",
                                    kMaxCgroupText);
  if (!text) return std::nullopt;
  for (const char* mount : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
    if (auto quota = tightest(mount, cpu_cgroup_path(*text, true), read_version2)) return quota;
  }
  for (const char* mount : {"/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"}) {
    if (auto quota = tightest(mount, cpu_cgroup_path(*text, false), read_version1)) return quota;
  }
  return std::nullopt;
}

}  // namespace aiotrace::app

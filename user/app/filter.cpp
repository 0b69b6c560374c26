#include "app/filter.h"

#include <cstdint>
#include <filesystem>

#include "proc/service.h"
#include "proc/text_file.h"

namespace aiotrace::app {

namespace {

constexpr std::string_view kMount = "/sys/fs/cgroup";
constexpr std::size_t kMaxCgroupText = std::size_t{64} * 1024;

bool is_or_is_below(std::string_view path, std::string_view group) {
  if (group.empty()) return true;
  if (!path.starts_with(group)) return false;
  return path.size() == group.size() || path[group.size()] == '/';
}

}  // namespace

bool in_cgroup(std::string_view proc_cgroup, std::string_view wanted) {
  while (wanted.ends_with('/')) wanted.remove_suffix(1);
  // /sys/fs/cgroup/GROUP of version 2, /sys/fs/cgroup/CONTROLLER/GROUP of version 1.
  std::string_view without_controller = wanted;
  if (is_or_is_below(wanted, kMount)) {
    wanted.remove_prefix(kMount.size());
    without_controller = wanted;
    if (!wanted.empty()) {
      const auto slash = wanted.find('/', 1);
      without_controller = slash == std::string_view::npos ? std::string_view{} : wanted.substr(slash);
    }
  }
  while (!proc_cgroup.empty()) {
    const auto end = proc_cgroup.find('\n');
    const auto line = proc_cgroup.substr(0, end);
    proc_cgroup.remove_prefix(end == std::string_view::npos ? proc_cgroup.size() : end + 1);
    // "hierarchy:controllers:path"; version 2 has no controllers.
    const auto first = line.find(':');
    const auto second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const bool version2 = second == first + 1;
    const auto path = line.substr(second + 1);
    if (is_or_is_below(path, wanted) && !(wanted.empty() && !version2)) return true;
    if (!version2 && without_controller.size() != wanted.size() && !without_controller.empty() &&
        is_or_is_below(path, without_controller))
      return true;
  }
  return false;
}

Status check_cgroup(const std::string& wanted) {
  std::error_code error;
  const std::filesystem::path mount = kMount;
  const auto below = [&](const std::filesystem::path& top) {
    return std::filesystem::is_directory(top / std::filesystem::path(wanted).relative_path(), error);
  };
  if (wanted.starts_with(kMount) ? std::filesystem::is_directory(wanted, error) : below(mount)) return {};
  // Version 1 has a hierarchy for each controller.
  for (std::filesystem::directory_iterator at(mount, error), end; !error && at != end; at.increment(error)) {
    if (below(at->path())) return {};
  }
  // In a cgroup namespace the mount's root is not the root of the paths in /proc.
  for (std::filesystem::directory_iterator at("/proc", error), end; !error && at != end; at.increment(error)) {
    const auto text = proc::read_text((at->path() / "cgroup").string(), kMaxCgroupText);
    if (text && in_cgroup(*text, wanted)) return {};
  }
  return fail("--cgroup " + wanted, "there is no such control group", "systemd-cgls lists them");
}

bool Filter::matches(std::uint32_t pid, std::string_view comm_now) const {
  if (comm && comm_now != *comm) return false;
  if (!cgroup && !selection) return true;
  const auto text = proc::read_text("/proc/" + std::to_string(pid) + "/cgroup", kMaxCgroupText);
  if (cgroup && !(text && in_cgroup(*text, *cgroup))) return false;
  return !selection || selection->selects(proc::service_of(static_cast<pid_t>(pid), comm_now), comm_now,
                                          proc::owner_path(text.value_or("")));
}

}  // namespace aiotrace::app

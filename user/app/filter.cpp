#include "app/filter.h"

#include <cstdint>

#include "proc/text_file.h"

namespace aiotrace::app {

namespace {

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
  constexpr std::string_view kMount = "/sys/fs/cgroup";
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

bool Filter::matches(std::uint32_t pid, std::string_view comm_now) const {
  if (comm && comm_now != *comm) return false;
  if (!cgroup) return true;
  const auto text = proc::read_text("/proc/" + std::to_string(pid) + "/cgroup", kMaxCgroupText);
  return text && in_cgroup(*text, *cgroup);
}

}  // namespace aiotrace::app

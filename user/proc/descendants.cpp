#include "proc/descendants.h"

#include <charconv>
#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "proc/process.h"
#include "proc/text_file.h"

namespace aiotrace::proc {
namespace {

constexpr std::size_t kStatBytes = 4096;

// Parent → its children.
std::map<pid_t, std::vector<pid_t>> all_children() {
  std::map<pid_t, std::vector<pid_t>> children;
  std::error_code error;
  for (std::filesystem::directory_iterator at("/proc", error), end; !error && at != end; at.increment(error)) {
    const auto name = at->path().filename().string();
    pid_t pid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ptr != name.data() + name.size()) continue;
    const auto text = read_text(at->path().string() + "/stat", kStatBytes);
    const auto stat = text ? parse_stat(*text) : std::nullopt;
    if (stat) children[stat->parent].push_back(pid);
  }
  return children;
}

}  // namespace

std::vector<pid_t> descendants(std::span<const pid_t> pids) {
  const auto children = all_children();
  std::set<pid_t> known(pids.begin(), pids.end());
  std::vector<pid_t> found;
  std::vector<pid_t> next(pids.begin(), pids.end());
  while (!next.empty()) {
    const auto of = children.find(next.back());
    next.pop_back();
    if (of == children.end()) continue;
    for (const auto pid : of->second) {
      if (!known.insert(pid).second) continue;
      found.push_back(pid);
      next.push_back(pid);
    }
  }
  return found;
}

}  // namespace aiotrace::proc

#include "proc/cgroups.h"

#include <optional>

namespace aiotrace::proc {

namespace {

/// Takes the next word off the text; words are separated by single spaces.
std::string_view next_word(std::string_view& text) {
  const auto end = text.find(' ');
  const auto word = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return word;
}

std::string_view next_line(std::string_view& text) {
  const auto end = text.find('\n');
  const auto line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

/// The kernel writes space, tab, newline and backslash as three octal digits (mangle_path of fs/seq_file.c).
std::string unescaped(std::string_view text) {
  std::string plain;
  const auto digit = [&](std::size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '7'; };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && digit(i + 1) && digit(i + 2) && digit(i + 3)) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

bool lists(std::string_view options, std::string_view wanted) {
  while (!options.empty()) {
    const auto end = options.find(',');
    if (options.substr(0, end) == wanted) return true;
    options.remove_prefix(end == std::string_view::npos ? options.size() : end + 1);
  }
  return false;
}

/// "36 35 98:0 /root /directory options [optional…] - type source super-options".
std::optional<CgroupMount> mount_of(std::string_view line) {
  for (int i = 0; i < 3; ++i) next_word(line);
  const auto root = next_word(line);
  const auto directory = next_word(line);
  while (!line.empty() && next_word(line) != "-") continue;
  const auto type = next_word(line);
  next_word(line);
  const bool version2 = type == "cgroup2";
  if (!version2 && (type != "cgroup" || !lists(line, "cpu"))) return std::nullopt;
  return CgroupMount{unescaped(directory), unescaped(root), version2};
}

}  // namespace

std::vector<CgroupMount> cgroup_mounts(std::string_view mountinfo) {
  std::vector<CgroupMount> mounts;
  while (!mountinfo.empty()) {
    if (auto mount = mount_of(next_line(mountinfo))) mounts.push_back(std::move(*mount));
  }
  return mounts;
}

std::string cpu_cgroup_path(std::string_view proc_cgroup, bool version2) {
  while (!proc_cgroup.empty()) {
    // "hierarchy:controllers:path"; version 2 has no controllers.
    const auto line = next_line(proc_cgroup);
    const auto first = line.find(':');
    const auto second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const auto controllers = line.substr(first + 1, second - first - 1);
    if (version2 ? controllers.empty() : lists(controllers, "cpu")) return std::string(line.substr(second + 1));
  }
  return {};
}

std::string cgroup_directory(const CgroupMount& mount, std::string_view path) {
  if (!path.starts_with('/') || path.starts_with("/..")) return {};
  if (mount.root != "/") {
    if (!path.starts_with(mount.root)) return {};
    path.remove_prefix(mount.root.size());
    if (!path.empty() && !path.starts_with('/')) return {};
  }
  return path == "/" ? mount.directory : mount.directory + std::string(path);
}

}  // namespace aiotrace::proc

#include "proc/maps.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>

#include "proc/file_budget.h"
#include "proc/text_file.h"
#include "util/sudo_command.h"

namespace aiotrace::proc {
namespace {

// 65,530 mappings (vm.max_map_count) of ordinary paths are 7 MB. Each may have a path of 4,096 characters.
constexpr std::size_t kMaxText = 12u << 20;
constexpr std::string_view kDeleted = " (deleted)";

/// Takes a number and the character behind it off the front.
template <class T>
bool take(std::string_view& text, T& value, int base, char behind) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end == text.data() + text.size() || *end != behind) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  return true;
}

/// The kernel writes a newline of a path as \012 (seq_path), and nothing else that way.
std::string plain_path(std::string_view text) {
  std::string path;
  path.reserve(text.size());
  while (!text.empty()) {
    if (text.starts_with("\\012")) {
      path += '\n';
      text.remove_prefix(4);
    } else {
      path += text.front();
      text.remove_prefix(1);
    }
  }
  return path;
}

std::optional<Mapping> parse_line(std::string_view line) {
  Mapping map;
  if (!take(line, map.start, 16, '-') || !take(line, map.end, 16, ' ') || map.end <= map.start) return std::nullopt;
  if (line.size() < 5 || line[4] != ' ') return std::nullopt;
  map.readable = line[0] == 'r';
  map.writable = line[1] == 'w';
  map.executable = line[2] == 'x';
  map.shared = line[3] == 's';
  line.remove_prefix(5);
  if (!take(line, map.offset, 16, ' ') || !take(line, map.dev_major, 16, ':') || !take(line, map.dev_minor, 16, ' ')) {
    return std::nullopt;
  }
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), map.inode);
  if (error != std::errc()) return std::nullopt;
  line.remove_prefix(static_cast<std::size_t>(end - line.data()));
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  if (map.inode != 0 && line.ends_with(kDeleted)) {
    map.deleted = true;
    line.remove_suffix(kDeleted.size());
  }
  map.path = plain_path(line);
  return map;
}

}  // namespace

Maps Maps::parse(std::string_view text) {
  Maps maps;
  while (!text.empty() && maps.mappings_.size() < kMaxMappings) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (auto map = parse_line(text.substr(0, end))) maps.mappings_.push_back(std::move(*map));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  // The kernel writes them in order, but the file is read in pieces and the process goes on meanwhile.
  std::ranges::stable_sort(maps.mappings_, {}, &Mapping::start);
  std::uint64_t behind = 0;
  std::erase_if(maps.mappings_, [&](const Mapping& map) {
    if (map.start < behind) return true;
    behind = map.end;
    return false;
  });
  return maps;
}

Result<Maps> Maps::read(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/maps";
  const auto text = read_text(path, kMaxText);
  if (text) {
    if (text->size() == kMaxText) FileBudget::of_program().refuse(path);
    return parse(*text);
  }
  if (text.error() == ENOENT || text.error() == ESRCH) return fail("read " + path, "no such process");
  const bool denied = text.error() == EACCES || text.error() == EPERM;
  return fail_errno("read " + path, text.error(), denied ? "run it as root: " + sudo_command() : "",
                    denied ? ErrorKind::not_permitted : ErrorKind::failure);
}

const Mapping* Maps::find(std::uint64_t address) const {
  auto after = std::ranges::upper_bound(mappings_, address, {}, &Mapping::start);
  if (after == mappings_.begin()) return nullptr;
  --after;
  return after->contains(address) ? &*after : nullptr;
}

}  // namespace aiotrace::proc

#include "symbolize/perf_map.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "proc/regular_file.h"
#include "proc/text_file.h"
#include "util/text.h"

namespace aiotrace::symbolize {
namespace {

constexpr std::uint64_t kMaxFile = 64u << 20;
constexpr std::size_t kPart = 1u << 20;

bool take_hex(std::string_view& line, std::uint64_t& value) {
  if (line.starts_with("0x")) line.remove_prefix(2);
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value, 16);
  if (error != std::errc() || end == line.data() + line.size() || *end != ' ') return false;
  line.remove_prefix(static_cast<std::size_t>(end - line.data()) + 1);
  return true;
}

// An invalid byte becomes the three bytes of U+FFFD.
std::string bounded_name(std::string_view text) {
  auto name = valid_utf8(text.substr(0, PerfMapText::kMaxName));
  if (name.size() <= PerfMapText::kMaxName) return name;
  auto end = PerfMapText::kMaxName;
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xc0) == 0x80) --end;
  name.resize(end);
  return name;
}

}  // namespace

std::size_t PerfMapText::add(std::string_view text) {
  std::size_t taken = 0;
  for (std::size_t end = 0; (end = text.find('\n', taken)) != std::string_view::npos; taken = end + 1) {
    std::string_view line = text.substr(taken, end - taken);
    std::uint64_t start = 0;
    std::uint64_t size = 0;
    if (!take_hex(line, start) || !take_hex(line, size) || size == 0 || start + size < start || line.empty()) continue;
    auto at = entries_.lower_bound(start);
    if (at != entries_.begin()) {
      const auto before = std::prev(at);
      if (start - before->first < before->second.size) entries_.erase(before);
    }
    while (at != entries_.end() && at->first - start < size) at = entries_.erase(at);
    if (entries_.size() >= kMaxEntries) continue;
    entries_.emplace_hint(at, start, Entry{.size = size, .name = bounded_name(line)});
  }
  return taken;
}

std::optional<PerfMapText::Hit> PerfMapText::find(std::uint64_t address) const {
  auto after = entries_.upper_bound(address);
  if (after == entries_.begin()) return std::nullopt;
  --after;
  if (address - after->first >= after->second.size) return std::nullopt;
  return Hit{.name = after->second.name, .start = after->first};
}

bool PerfMap::open(const proc::Process& process) {
  // The program uses the pid of its own namespace.
  const auto own_pid = process.ns_tid(process.pid());
  const auto status = proc::read_text("/proc/" + std::to_string(process.pid()) + "/status", 65536);
  if (!own_pid || !status) return false;
  UniqueFd fd = proc::open_regular_in_root(process.pid(), "/tmp/perf-" + std::to_string(*own_pid) + ".map",
                                           proc::Links::refuse);
  struct stat file{};
  if (!fd || ::fstat(fd.get(), &file) != 0) return false;
  // /tmp is everybody's: another user may have put the file there. The last number is the user id for files.
  const auto user = proc::last_id(*status, "Uid");
  if (file.st_uid != 0 && (!user || file.st_uid != static_cast<uid_t>(*user))) return false;
  if (file.st_dev != device_ || file.st_ino != inode_) {
    text_.clear();
    read_ = 0;
  }
  device_ = file.st_dev;
  inode_ = file.st_ino;
  fd_ = std::move(fd);
  return true;
}

void PerfMap::refresh(const proc::Process& process) {
  struct stat file{};
  const bool here = fd_ && ::fstat(fd_.get(), &file) == 0 && file.st_nlink > 0;
  if (!here && !open(process)) return;
  if (!here && ::fstat(fd_.get(), &file) != 0) return;
  const auto size = std::min<std::uint64_t>(static_cast<std::uint64_t>(file.st_size), kMaxFile);
  if (size < read_) {
    text_.clear();
    read_ = 0;
  }
  std::string part;
  while (read_ < size) {
    part.resize(std::min<std::uint64_t>(kPart, size - read_));
    const ssize_t got = ::pread(fd_.get(), part.data(), part.size(), static_cast<off_t>(read_));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    std::size_t taken = text_.add(std::string_view(part).substr(0, static_cast<std::size_t>(got)));
    if (taken == 0 && static_cast<std::size_t>(got) == kPart) taken = kPart;  // no line is that long
    if (taken == 0) return;                                                   // half a line: the rest will follow
    read_ += taken;
  }
}

bool PerfMap::exists(const proc::Process& process) { return open(process); }

std::optional<PerfMapText::Hit> PerfMap::find(const proc::Process& process, std::uint64_t address) {
  refresh(process);
  return text_.find(address);
}

}  // namespace aiotrace::symbolize

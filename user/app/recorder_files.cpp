#include "app/recorder_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <tuple>
#include <utility>
#include <variant>

#include "recording/reader.h"

namespace aiotrace::app {

namespace {

constexpr std::string_view kPrefix = "ring-";
constexpr std::string_view kSuffix = ".aiorec";
constexpr std::size_t kMostFiles = 1000;
// The limit for all files together; the daemon's own files are far below it.
constexpr std::size_t kMaxMemory = std::size_t{1} << 30;

struct DirectoryCloser {
  void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};

/// An ongoing stall is reported repeatedly; ids start again in each run.
using Key = std::tuple<std::int64_t, std::uint64_t>;

class Collector {
 public:
  explicit Collector(const RingQuery& query) : query_(query) {}

  Status take(RecorderFile file);
  [[nodiscard]] std::vector<RingStall> finish();
  [[nodiscard]] std::pair<std::uint64_t, std::uint64_t> thresholds() const { return {warn_ns_, error_ns_}; }

 private:
  Status take(recording::Reader& reader);
  void take(const recording::Head& head, recording::RecordedStall recorded);

  const RingQuery& query_;
  std::map<std::uint32_t, std::string> services_;  // of the present file, by pid
  std::map<Key, RingStall> stalls_;
  std::size_t memory_ = 0;
  std::int64_t newest_ns_ = 0;
  std::uint64_t warn_ns_ = 0;
  std::uint64_t error_ns_ = 0;
};

void Collector::take(const recording::Head& head, recording::RecordedStall recorded) {
  auto& stall = recorded.stall;
  const auto start_ns = static_cast<std::int64_t>(stall.start_ns) + head.realtime_minus_monotonic_ns;
  if (start_ns + static_cast<std::int64_t>(stall.duration_ns) < query_.since_ns) return;
  if (query_.service) {
    const auto owner = services_.find(stall.pid);
    if (owner == services_.end() || owner->second != *query_.service) return;
  }
  if (recorded.memory > kMaxMemory - memory_) return;
  memory_ += recorded.memory;
  // Clocks may be adjusted during a stall, so a stall is identified by its start on its own clock and its id.
  const Key key{static_cast<std::int64_t>(stall.start_ns), stall.id};
  stalls_[key] = {.stall = std::move(stall), .head = head, .unfinished = recorded.unfinished};
}

Status Collector::take(recording::Reader& reader) {
  while (true) {
    auto record = reader.next();
    if (!record) return std::unexpected(record.error());
    if (std::holds_alternative<recording::End>(*record)) return {};
    if (auto* stall = std::get_if<recording::RecordedStall>(&*record)) {
      take(reader.head(), std::move(*stall));
    } else if (auto* owner = std::get_if<recording::Owner>(&*record)) {
      services_[owner->pid] = std::move(owner->service);
    } else if (const auto* watching = std::get_if<model::Watching>(&*record)) {
      const auto at_ns = static_cast<std::int64_t>(watching->time_ns) + reader.head().realtime_minus_monotonic_ns;
      if (at_ns >= newest_ns_)
        std::tie(newest_ns_, warn_ns_, error_ns_) = std::tuple(at_ns, watching->warn_ns, watching->error_ns);
    }
  }
}

Status Collector::take(RecorderFile file) {
  services_.clear();
  auto reader = recording::Reader::of(std::move(file.fd), file.path);
  if (!reader) return std::unexpected(reader.error());
  return take(*reader);
}

std::vector<RingStall> Collector::finish() {
  std::vector<RingStall> all;
  all.reserve(stalls_.size());
  for (auto& [key, stall] : stalls_) all.push_back(std::move(stall));
  std::ranges::stable_sort(all, {}, [](const RingStall& each) {
    return static_cast<std::int64_t>(each.stall.start_ns) + each.head.realtime_minus_monotonic_ns;
  });
  return all;
}

}  // namespace

std::string recorder_file_name(std::size_t index) {
  const auto digits = std::to_string(index);
  return std::string(kPrefix) + (digits.size() < 2 ? "0" : "") + digits + std::string(kSuffix);
}

Result<std::vector<RecorderFile>> open_recorder_files(const std::string& directory) {
  const auto what = "read the recordings in " + directory;
  const std::unique_ptr<DIR, DirectoryCloser> opened(::opendir(directory.c_str()));
  if (!opened)
    return fail_errno(what, errno,
                      errno == ENOENT ? "aiotrace serve keeps them where --state says" : "root can read them");
  std::vector<RecorderFile> files;
  while (const auto* entry = ::readdir(opened.get())) {
    const std::string name = entry->d_name;
    if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix) || files.size() >= kMostFiles) continue;
    auto path = directory;
    path.append("/").append(name);
    UniqueFd fd(::openat(::dirfd(opened.get()), name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    struct stat status{};
    if (!fd || ::fstat(fd.get(), &status) != 0) return fail_errno("read " + path, errno, "root can read it");
    if (S_ISREG(status.st_mode) && status.st_size != 0) files.push_back({.path = path, .fd = std::move(fd)});
  }
  return files;
}

RingContent read_recorder_files(std::vector<RecorderFile> files, const RingQuery& query) {
  RingContent content;
  Collector collector(query);
  for (auto& file : files) {
    if (auto status = collector.take(std::move(file)); !status) content.damaged.push_back(status.error());
  }
  content.stalls = collector.finish();
  std::tie(content.warn_ns, content.error_ns) = collector.thresholds();
  return content;
}

}  // namespace aiotrace::app

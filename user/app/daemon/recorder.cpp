#include "app/daemon/recorder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <utility>

#include "app/recorder_files.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/version.h"

namespace aiotrace::app {

namespace {

constexpr mode_t kDirectoryMode = 0700;
constexpr mode_t kFileMode = 0600;
constexpr std::int64_t kRetryNs = 10'000'000'000;

std::int64_t now_ns() { return static_cast<std::int64_t>(clock_ns(CLOCK_REALTIME)); }

/// Nobody else can put something else in the place of its files.
Status check_directory(int fd, const std::string& what) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return fail_errno(what, errno);
  if (status.st_uid != ::geteuid())
    return fail(what, "the directory belongs to user " + std::to_string(status.st_uid), "give one of root's");
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return fail(what, "others can write to the directory", "take that right away with chmod go-w");
  return {};
}

Result<UniqueFd> open_directory(const std::string& path) {
  const auto what = "keep recordings in " + path;
  if (::mkdir(path.c_str(), kDirectoryMode) != 0 && errno != EEXIST) return fail_errno(what, errno);
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail_errno(what, errno);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0)
    return errno == EWOULDBLOCK ? fail(what, "another aiotrace serve does", "give each its own directory")
                                : fail_errno(what, errno);
  if (auto status = check_directory(fd.get(), what); !status) return std::unexpected(status.error());
  return fd;
}

Result<UniqueFd> open_file(int directory, const std::string& name, const std::string& path) {
  UniqueFd fd(::openat(directory, name.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, kFileMode));
  struct stat status{};
  if (!fd || ::fstat(fd.get(), &status) != 0) return fail_errno("open " + path + " for writing", errno);
  if (!S_ISREG(status.st_mode) || status.st_nlink != 1)
    return fail("open " + path + " for writing", "it is no file of its own", "remove it");
  return fd;
}

recording::Head head() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  return {.version = kVersion,
          .realtime_minus_monotonic_ns = realtime_minus_monotonic_ns(),
          .utc_offset_s = static_cast<std::int32_t>(local.tm_gmtoff)};
}

}  // namespace

Result<std::unique_ptr<Recorder>> Recorder::open(const fleet::RecorderConfig& config, model::Watching watching) {
  std::unique_ptr<Recorder> made(new Recorder(config, std::move(watching)));
  if (auto status = made->open_files(); !status) return std::unexpected(status.error());
  if (auto status = made->begin_next(); !status) return std::unexpected(status.error());
  return made;
}

Status Recorder::open_files() {
  auto directory = open_directory(*config_.directory);
  if (!directory) return std::unexpected(directory.error());
  for (std::size_t i = 0; i < kFiles; ++i) {
    auto& file = files_.at(i);
    file.path = *config_.directory + "/" + recorder_file_name(i);
    auto fd = open_file(directory->get(), recorder_file_name(i), file.path);
    struct stat status{};
    if (!fd) return std::unexpected(fd.error());
    if (::fstat(fd->get(), &status) != 0) return fail_errno("open " + file.path, errno);
    file.fd = std::move(*fd);
    file.bytes = static_cast<std::uint64_t>(status.st_size);
    file.newest_ns = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec;
  }
  directory_ = std::move(*directory);
  return {};
}

std::size_t Recorder::oldest() const {
  const auto rank = [](const File& file) { return file.bytes == 0 ? 0 : file.newest_ns; };
  return static_cast<std::size_t>(std::ranges::min_element(files_, {}, rank) - files_.begin());
}

void Recorder::empty(File& file) {
  if (::ftruncate(file.fd.get(), 0) == 0) file.bytes = 0;
}

Status Recorder::begin_file(std::size_t index) {
  auto& file = files_.at(index);
  writer_.reset();
  owners_.clear();
  empty(file);
  const auto what = "record to " + file.path;
  if (file.bytes != 0 || ::lseek(file.fd.get(), 0, SEEK_SET) != 0) return fail_errno(what, errno);
  UniqueFd fd(::fcntl(file.fd.get(), F_DUPFD_CLOEXEC, 0));
  if (!fd) return fail_errno(what, errno);
  auto writer = recording::Writer::create(std::move(fd), file.path, head());
  if (!writer) return std::unexpected(writer.error());
  present_ = index;
  began_ns_ = file.newest_ns = now_ns();
  writer_ = std::move(*writer);
  watching_.time_ns = monotonic_ns();
  auto status = writer_->watching(watching_);
  file.bytes = writer_->size();
  return status;
}

// On a full disk the oldest content makes room for the newest.
Status Recorder::begin_next() {
  if (writer_) finish(monotonic_ns());
  auto status = begin_file(oldest());
  for (std::size_t more = 0; !status && more < kFiles; ++more) {
    auto& file = files_.at(oldest());
    if (file.bytes == 0) break;
    empty(file);
    status = begin_file(oldest());
  }
  if (!status) writer_.reset();
  return status;
}

Status Recorder::write(const proc::Service& service, const model::Stall& stall, bool unfinished) {
  auto& file = files_.at(present_);
  Status status;
  if (!owners_.contains(stall.pid)) {
    status = writer_->owner({.pid = stall.pid,
                             .service = service.name,
                             .container_id = service.container_id,
                             .pod_uid = service.pod_uid,
                             .unit = service.unit});
    if (status) owners_.insert(stall.pid);
  }
  if (status) status = unfinished ? writer_->unfinished(stall) : writer_->stall(stall);
  file.bytes = writer_->size();
  file.newest_ns = now_ns();
  return status;
}

void Recorder::take(const Status& status) {
  if (status) {
    said_ = false;
    return;
  }
  if (status.error().kind == ErrorKind::usage) {  // this one stall is too large
    ++too_large_;
    return;
  }
  ++failed_;
  writer_.reset();
  retry_ns_ = now_ns() + kRetryNs;
  if (!std::exchange(said_, true)) say(status.error().message());
}

void Recorder::add(const proc::Service& service, const model::Stall& stall, bool unfinished) {
  const bool full = files_.at(present_).bytes >= config_.max_bytes / kFiles;
  const auto age_ns = static_cast<std::int64_t>(config_.max_age_ns / kFiles);
  if (!writer_ && now_ns() < retry_ns_) {
    ++failed_;
    return;
  }
  Status status;
  if (!writer_ || full || now_ns() - began_ns_ > age_ns) status = begin_next();
  if (status) status = write(service, stall, unfinished);
  // The disk has become full in the middle of the file: once more, in the place of the oldest.
  if (!status && status.error().kind != ErrorKind::usage && writer_) {
    status = begin_next();
    if (status) status = write(service, stall, unfinished);
  }
  take(status);
}

void Recorder::forget_old() {
  const auto oldest_ns = now_ns() - static_cast<std::int64_t>(config_.max_age_ns);
  for (std::size_t i = 0; i < kFiles; ++i) {
    auto& file = files_.at(i);
    if ((i != present_ || !writer_) && file.bytes != 0 && file.newest_ns < oldest_ns) empty(file);
  }
}

void Recorder::finish(std::uint64_t now_ns) {
  if (!writer_) return;
  model::Summary summary;
  summary.time_ns = now_ns;
  summary.elapsed_ns = now_ns - std::min(watching_.time_ns, now_ns);
  summary.warn_ns = watching_.warn_ns;
  summary.error_ns = watching_.error_ns;
  // Without the end it is one that was cut off, which report reads all the same.
  if (auto status = writer_->finish(summary); !status) say(status.error().message());
  files_.at(present_).bytes = writer_->size();
  writer_.reset();
}

std::uint64_t Recorder::bytes() const {
  std::uint64_t sum = 0;
  for (const auto& file : files_) sum += file.bytes;
  return sum;
}

std::vector<fleet::Dropped> Recorder::dropped() const {
  return {{"recorder", "not-written", failed_}, {"recorder", "too-large", too_large_}};
}

}  // namespace aiotrace::app

#include "util/output_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <optional>

#include "util/caller.h"
#include "util/output_place.h"

namespace aiotrace {
namespace {

constexpr mode_t kMode = 0600;

std::optional<int> number_in(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

// Links in /dev and /proc to files that are already open: nobody else can redirect them.
std::optional<int> own_descriptor(std::string_view path) {
  if (path == "-" || path == "/dev/stdout") return STDOUT_FILENO;
  if (path == "/dev/stderr") return STDERR_FILENO;
  for (const std::string_view directory : {"/dev/fd/", "/proc/self/fd/"}) {
    if (path.starts_with(directory)) return number_in(path.substr(directory.size()));
  }
  return std::nullopt;
}

// Only root can give a file away.
Status give_to_caller(int fd, const std::string& path) {
  const auto who = caller();
  if (!who.behind_sudo || ::fchown(fd, who.uid, who.gid) == 0) return {};
  return fail_errno("give " + path + " to user " + std::to_string(who.uid), errno);
}

std::string_view kind_of(mode_t mode) {
  if (S_ISLNK(mode)) return "a symbolic link";
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  return "a block device";
}

std::unexpected<Error> refuse_kind(const std::string& what, mode_t mode) {
  return fail(what, "it is " + std::string(kind_of(mode)),
              S_ISLNK(mode) ? "give the path of the file itself: links are not followed"
                            : "give the path of a file, or - for a pipe");
}

// Opens an existing file. It is checked before it is opened, and opening never waits.
Result<UniqueFd> open_existing(const OutputPlace& place, const std::string& path) {
  const std::string what = "open " + path + " for writing";
  const UniqueFd there(::openat(place.directory.get(), place.name.c_str(), O_PATH | O_CLOEXEC | O_NOFOLLOW));
  struct stat status{};
  if (!there || ::fstat(there.get(), &status) != 0) return fail_errno(what, errno);
  if (!S_ISREG(status.st_mode) && !S_ISCHR(status.st_mode)) return refuse_kind(what, status.st_mode);
  if (S_ISREG(status.st_mode)) {
    if (status.st_uid != caller().uid)
      return fail(what, "it belongs to user " + std::to_string(status.st_uid), "remove it, or give another path");
    if (status.st_nlink != 1)
      return fail(what, "it has other names too, which are unknown", "remove it, or give another path");
  }
  UniqueFd fd(::open(("/proc/self/fd/" + std::to_string(there.get())).c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd) return fail_errno(what, errno);
  if (S_ISREG(status.st_mode) && ::ftruncate(fd.get(), 0) != 0) return fail_errno(what, errno);
  return fd;
}

void take_back(int fd, std::size_t written) {
  struct stat status{};
  if (written == 0 || ::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return;
  const auto end = ::lseek(fd, 0, SEEK_CUR);
  if (end < static_cast<off_t>(written)) return;
  const auto before = end - static_cast<off_t>(written);
  if (::ftruncate(fd, before) == 0) ::lseek(fd, before, SEEK_SET);
}

}  // namespace

Result<UniqueFd> open_output_file(const std::string& path) {
  if (const auto own = own_descriptor(path)) {
    UniqueFd fd(::fcntl(*own, F_DUPFD_CLOEXEC, 0));
    if (!fd) return fail_errno("open " + path + " for writing", errno);
    return fd;
  }
  auto place = find_output_place(path);
  if (!place) return std::unexpected(place.error());
  constexpr int kNew = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW;
  UniqueFd fd(::openat(place->directory.get(), place->name.c_str(), kNew, kMode));
  if (!fd && errno == EEXIST) return open_existing(*place, path);
  if (!fd) return fail_errno("open " + path + " for writing", errno);
  if (auto status = give_to_caller(fd.get(), path); !status) return std::unexpected(status.error());
  return fd;
}

int write_whole(int fd, std::string_view bytes) {
  constexpr int kForever = -1;
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto n = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (n > 0) {
      done += static_cast<std::size_t>(n);
      continue;
    }
    if (n < 0 && errno == EINTR) continue;
    // A process that shares the terminal or pipe may have made it non-blocking.
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      pollfd waiting{.fd = fd, .events = POLLOUT, .revents = 0};
      if (::poll(&waiting, 1, kForever) >= 0 || errno == EINTR) continue;
    }
    const int error = n == 0 ? ENOSPC : errno;
    take_back(fd, done);
    return error;
  }
  return 0;
}

}  // namespace aiotrace

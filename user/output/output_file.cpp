#include "output/output_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <optional>

namespace aiotrace::output {
namespace {

constexpr mode_t kMode = 0644;

std::optional<int> number_in(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

// Links of /dev and /proc to what was opened already: nobody else can turn them.
std::optional<int> own_descriptor(std::string_view path) {
  if (path == "-" || path == "/dev/stdout") return STDOUT_FILENO;
  if (path == "/dev/stderr") return STDERR_FILENO;
  for (const std::string_view directory : {"/dev/fd/", "/proc/self/fd/"}) {
    if (path.starts_with(directory)) return number_in(path.substr(directory.size()));
  }
  return std::nullopt;
}

std::optional<int> number_of(const char* variable) {
  const char* text = std::getenv(variable);
  return text == nullptr ? std::nullopt : number_in(text);
}

// Only root can give a file away, and only root is started by sudo with a user behind it.
Status give_to_invoker(int fd, const std::string& path) {
  const auto uid = number_of("SUDO_UID");
  const auto gid = number_of("SUDO_GID");
  if (::geteuid() != 0 || !uid || !gid) return {};
  if (::fchown(fd, static_cast<uid_t>(*uid), static_cast<gid_t>(*gid)) != 0)
    return fail_errno("give " + path + " to user " + std::to_string(*uid), errno);
  return {};
}

std::string_view kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  return "a block device";
}

// One that is there already. It is looked at before it is emptied, and never waited for.
Result<UniqueFd> open_existing(const std::string& path) {
  const std::string what = "open " + path + " for writing";
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK));
  if (!fd && errno == ELOOP)
    return fail(what, "it is a symbolic link", "give the path of the file itself: links are not followed");
  if (!fd && errno == ENXIO) return fail(what, "it is a FIFO or a socket", "give the path of a file, or - for a pipe");
  if (!fd) return fail_errno(what, errno);
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return fail_errno(what, errno);
  if (!S_ISREG(status.st_mode) && !S_ISCHR(status.st_mode))
    return fail(what, "it is " + std::string(kind_of(status.st_mode)), "give the path of a file, or - for a pipe");
  if (S_ISREG(status.st_mode) && ::ftruncate(fd.get(), 0) != 0) return fail_errno(what, errno);
  if (::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) & ~O_NONBLOCK) != 0) return fail_errno(what, errno);
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
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, kMode));
  if (!fd && errno == EEXIST) return open_existing(path);
  if (!fd) return fail_errno("open " + path + " for writing", errno);
  if (auto status = give_to_invoker(fd.get(), path); !status) return std::unexpected(status.error());
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
    // Whoever shares the terminal or pipe may have made it non-blocking.
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

}  // namespace aiotrace::output

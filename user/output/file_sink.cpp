#include "output/file_sink.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace aiotrace::output {
namespace {

constexpr int kForever = -1;

// Takes back what a failed line left at the end of a regular file.
void take_back(int fd, std::size_t written) {
  struct stat status{};
  if (written == 0 || ::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return;
  const auto end = ::lseek(fd, 0, SEEK_CUR);
  if (end < static_cast<off_t>(written)) return;
  const auto before = end - static_cast<off_t>(written);
  if (::ftruncate(fd, before) == 0) ::lseek(fd, before, SEEK_SET);
}

}  // namespace

Result<std::unique_ptr<FileSink>> FileSink::open(const std::string& path) {
  if (path == "-") return standard_output();
  constexpr mode_t kMode = 0644;
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, kMode));
  if (!fd) return fail_errno("open " + path + " for writing", errno);
  return std::make_unique<FileSink>(std::move(fd), path);
}

Result<std::unique_ptr<FileSink>> FileSink::standard_output() {
  UniqueFd fd(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0));
  if (!fd) return fail_errno("write to standard output", errno);
  return std::make_unique<FileSink>(std::move(fd), "standard output");
}

Status FileSink::write_line(std::string_view line) {
  buffer_.assign(line);
  buffer_.push_back('\n');
  return write_bytes(buffer_);
}

Status FileSink::write_bytes(std::string_view bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto n = ::write(fd_.get(), bytes.data() + done, bytes.size() - done);
    if (n > 0) {
      done += static_cast<std::size_t>(n);
      continue;
    }
    if (n < 0 && errno == EINTR) continue;
    // Whoever shares the terminal or pipe may have made it non-blocking.
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      pollfd waiting{.fd = fd_.get(), .events = POLLOUT, .revents = 0};
      if (::poll(&waiting, 1, kForever) >= 0 || errno == EINTR) continue;
    }
    last_errno_ = n == 0 ? ENOSPC : errno;
    take_back(fd_.get(), done);
    return fail_errno("write to " + name_, last_errno_);
  }
  return {};
}

bool FileSink::is_terminal() const { return ::isatty(fd_.get()) == 1; }

}  // namespace aiotrace::output

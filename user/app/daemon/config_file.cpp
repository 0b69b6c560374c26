#include "app/daemon/config_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "util/unique_fd.h"

namespace aiotrace::app {

namespace {

std::unexpected<std::vector<Error>> one(std::unexpected<Error> error) {
  return std::unexpected(std::vector<Error>{std::move(error.error())});
}

/// One byte more than is allowed shows that it is too large. 0, or the errno.
int read_all(int fd, std::string& text) {
  text.resize(fleet::kMaxConfig + 1);
  std::size_t have = 0;
  while (have < text.size()) {
    const auto got = ::read(fd, text.data() + have, text.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  text.resize(have);
  return 0;
}

}  // namespace

ConfigFile::State ConfigFile::state_of(const struct stat& status) {
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .size = status.st_size,
          .written_ns = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec};
}

std::expected<fleet::Config, std::vector<Error>> ConfigFile::read() {
  const auto what = "read " + path_;
  const UniqueFd fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status{};
  if (!fd || ::fstat(fd.get(), &status) != 0) return one(fail_errno(what, errno));
  read_ = state_of(status);
  if (!S_ISREG(status.st_mode)) return one(fail(what, "it is no file"));
  if ((status.st_mode & S_IWOTH) != 0)
    return one(fail(what, "everybody can write to it", "take that right away with chmod o-w"));
  std::string text;
  if (const int error = read_all(fd.get(), text); error != 0) return one(fail_errno(what, error));
  auto config = fleet::parse_config(text);
  if (config) return std::move(*config);
  std::vector<Error> errors;
  for (auto& mistake : config.error())
    errors.push_back(
        {.what = path_ + ":" + std::to_string(mistake.line), .reason = std::move(mistake.message), .hint = {}});
  return std::unexpected(std::move(errors));
}

bool ConfigFile::changed() const {
  struct stat status{};
  return ::stat(path_.c_str(), &status) == 0 && state_of(status) != read_;
}

}  // namespace aiotrace::app

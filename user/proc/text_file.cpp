#include "proc/text_file.h"

#include <fcntl.h>

#include <cerrno>

#include "util/unique_fd.h"

namespace aiotrace::proc {

std::expected<std::string, int> read_text(const std::string& path, std::size_t limit) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return std::unexpected(errno);
  std::string text;
  std::size_t have = 0;
  // seq_file returns at most one buffer per call, whatever size is requested, so start with a page and grow.
  std::size_t step = 4096;
  while (have < limit) {
    const std::size_t want = step < limit - have ? step : limit - have;
    text.resize(have + want);
    const ssize_t got = ::read(fd.get(), text.data() + have, want);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(errno);
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
    if (step < 65536) step *= 2;
  }
  text.resize(have);
  return text;
}

}  // namespace aiotrace::proc

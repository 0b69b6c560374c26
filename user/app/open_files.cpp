#include "app/open_files.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <array>
#include <cerrno>
#include <cstddef>

#include "util/unique_fd.h"

namespace aiotrace::app {

void allow_many_open_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  // If the limit stays too low, an error is reported when no more files can be opened.
  setrlimit(RLIMIT_NOFILE, &limit);
}

std::uint64_t open_files_limit() {
  rlimit limit{};
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

bool no_more_open_files() {
  // A failed open closed the files that it had opened. A process needs its maps, its memory and a pidfd; a clock needs
  // its event and the link of its program.
  constexpr std::size_t kAtOnce = 4;
  std::array<UniqueFd, kAtOnce> files;
  for (auto& file : files) {
    file = UniqueFd(open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!file) return errno == EMFILE || errno == ENFILE;
  }
  return false;
}

}  // namespace aiotrace::app

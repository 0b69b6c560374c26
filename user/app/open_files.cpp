#include "app/open_files.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <cerrno>

#include "util/unique_fd.h"

namespace aiotrace::app {

void allow_many_open_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  // What it does not grant is told when files run out.
  setrlimit(RLIMIT_NOFILE, &limit);
}

std::uint64_t open_files_limit() {
  rlimit limit{};
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

bool no_more_open_files() {
  const UniqueFd fd(open("/dev/null", O_RDONLY | O_CLOEXEC));
  return !fd && (errno == EMFILE || errno == ENFILE);
}

}  // namespace aiotrace::app

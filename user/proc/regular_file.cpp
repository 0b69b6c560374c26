#include "proc/regular_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace aiotrace::proc {
namespace {

/// Opens the file of an O_PATH descriptor for reading.
UniqueFd reopen_regular(const UniqueFd& path_fd) {
  struct stat status{};
  if (!path_fd || ::fstat(path_fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) return UniqueFd();
  return UniqueFd(::open(fmt::format("/proc/self/fd/{}", path_fd.get()).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
}

}  // namespace

UniqueFd open_regular(const std::string& path) {
  return reopen_regular(UniqueFd(::open(path.c_str(), O_PATH | O_CLOEXEC)));
}

UniqueFd open_regular_in_root(pid_t pid, const std::string& path, Links last) {
  const UniqueFd root(::open(fmt::format("/proc/{}/root", pid).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) return UniqueFd();
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC | (last == Links::refuse ? O_NOFOLLOW : 0);
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  return reopen_regular(UniqueFd(static_cast<int>(::syscall(SYS_openat2, root.get(), path.c_str(), &how, sizeof how))));
}

}  // namespace aiotrace::proc

#include "proc/access.h"

#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>

#include "proc/process.h"
#include "util/caller.h"

namespace aiotrace::proc {
namespace {

/// Without an effective capability the kernel decides.
bool has_capabilities() {
  __user_cap_header_struct head{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, 2> data{};
  return ::syscall(SYS_capget, &head, data.data()) != 0 || (data[0].effective | data[1].effective) != 0;
}

bool may_look_at_all() { return ::getuid() == 0 || is_in_group(kGroup) || !has_capabilities(); }

}  // namespace

Status check_access(pid_t pid, std::string_view status) {
  static const bool all = may_look_at_all();
  if (all) return {};
  const auto own = ::getuid();
  const auto users = ids_of(status, "Uid");
  struct stat directory{};
  const bool is_its_own = users.size() == 4 &&
                          std::ranges::all_of(users, [own](pid_t id) { return static_cast<uid_t>(id) == own; }) &&
                          ::stat(("/proc/" + std::to_string(pid)).c_str(), &directory) == 0 && directory.st_uid == own;
  if (is_its_own) return {};
  return fail("process " + std::to_string(pid), "belongs to another user",
              "only root and members of the group " + std::string(kGroup) + " may look at it",
              ErrorKind::not_permitted);
}

}  // namespace aiotrace::proc

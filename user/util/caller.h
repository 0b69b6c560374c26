// Who asked for this run: behind sudo it is not root.
#pragma once

#include <sys/types.h>

#include <string_view>

#include "util/result.h"

namespace aiotrace {

struct Caller {
  uid_t uid = 0;
  gid_t gid = 0;
  bool behind_sudo = false;  ///< this program runs as root, and sudo says for whom
};

/// SUDO_UID and SUDO_GID count only where this runs as root, as sudo starts it.
[[nodiscard]] Caller caller();

/// Gives up root for good: user, group and the further groups become the caller's. Those are of the nearest ancestor
/// that runs as that user (the shell that sudo was typed in): no directory service is asked. Only if behind_sudo.
[[nodiscard]] Status become(const Caller& who);

/// HOME, USER, LOGNAME and SHELL as the caller has them, by SUDO_USER and /etc/passwd; what is not known stays.
void set_environment_of(const Caller& who);

/// True for a member of a group of this name in /etc/group, by this program's own groups.
[[nodiscard]] bool is_in_group(std::string_view name);

}  // namespace aiotrace

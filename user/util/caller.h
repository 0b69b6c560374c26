// The user who started this run: under sudo it is not root.
#pragma once

#include <sys/types.h>

#include <string_view>

#include "util/result.h"

namespace aiotrace {

struct Caller {
  uid_t uid = 0;
  gid_t gid = 0;
  bool behind_sudo = false;  ///< this program runs as root, and sudo names the user
};

/// SUDO_UID and SUDO_GID only count if this program runs as root, as sudo starts it.
[[nodiscard]] Caller caller();

/// Gives up root permanently: user, group and supplementary groups become the caller's. The supplementary groups are
/// those of the nearest ancestor that runs as that user (the shell in which sudo was typed), so no directory service is
/// needed. Only if behind_sudo.
[[nodiscard]] Status become(const Caller& who);

/// Sets HOME, USER, LOGNAME and SHELL as for the caller, by SUDO_USER and /etc/passwd; unknown ones are not changed.
void set_environment_of(const Caller& who);

/// True if the caller is a member of this group in /etc/group, or by this program's own groups.
[[nodiscard]] bool is_in_group(std::string_view name);

}  // namespace aiotrace

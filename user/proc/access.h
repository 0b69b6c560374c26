// The processes that this user may read.
#pragma once

#include <sys/types.h>

#include <string_view>

#include "util/result.h"

namespace aiotrace::proc {

/// The group whose members may read every process; a package of a program with capabilities creates it.
inline constexpr std::string_view kGroup = "aiotrace";

/// If aiotrace has rights that its caller lacks (file capabilities, set-user-id), the kernel lets it read all
/// processes. So aiotrace checks this itself: root and members of kGroup may read every process, others only their own.
/// A process belongs to a user if all its user ids are that user's and the kernel lets the user read it: no set-user-id
/// program, and no process that has made itself not dumpable. `status`: text of /proc/PID/status.
[[nodiscard]] Status check_access(pid_t pid, std::string_view status);

}  // namespace aiotrace::proc

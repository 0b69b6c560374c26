// Whose processes this user may look at.
#pragma once

#include <sys/types.h>

#include <string_view>

#include "util/result.h"

namespace aiotrace::proc {

/// The group whose members may look at every process: what a package of a program with capabilities creates.
inline constexpr std::string_view kGroup = "aiotrace";

/// Where aiotrace has rights that its caller has not (file capabilities, set-user-id), the kernel lets it read
/// everybody. So it asks itself: root and members of kGroup may look at every process, others at their own. A process
/// is its user's if all of its user ids are and if the kernel lets its user look at it: no set-user-id program, none
/// that has made itself not dumpable. `status`: of /proc/PID/status.
[[nodiscard]] Status check_access(pid_t pid, std::string_view status);

}  // namespace aiotrace::proc

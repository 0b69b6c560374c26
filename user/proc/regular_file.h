// Files that a process names, opened only if reading them has no side effects.
#pragma once

#include <sys/types.h>

#include <string>

#include "util/unique_fd.h"

namespace aiotrace::proc {

/// Opens for reading, if it is a regular file: a device or FIFO is never opened.
[[nodiscard]] UniqueFd open_regular(const std::string& path);

enum class Links : unsigned char { follow, refuse };

/// The same for a path as a process sees it: symbolic links, also absolute ones, cannot leave the process's root.
/// `last`: how to treat a symbolic link as the last part of the path.
[[nodiscard]] UniqueFd open_regular_in_root(pid_t pid, const std::string& path, Links last = Links::follow);

}  // namespace aiotrace::proc

// Files that aiotrace writes, often as root in a directory of somebody else.
#pragma once

#include <string>
#include <string_view>

#include "util/result.h"
#include "util/unique_fd.h"

namespace aiotrace::output {

/// Creates the file, or empties a regular one that is there. "-", /dev/stdout, /dev/stderr, /dev/fd/N and
/// /proc/self/fd/N are descriptors that the program was started with, and duplicated. A symbolic link, a directory, a
/// FIFO or a socket is refused; a device (/dev/null) is not. As root under sudo, a file that is created belongs to
/// SUDO_UID and SUDO_GID; one that was there keeps its owner. The error names the path.
[[nodiscard]] Result<UniqueFd> open_output_file(const std::string& path);

/// Writes all of it, waiting for a reader where the descriptor does not. 0, or the errno; of a regular file the part
/// that was written is then taken back.
[[nodiscard]] int write_whole(int fd, std::string_view bytes);

}  // namespace aiotrace::output

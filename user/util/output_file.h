// Files that aiotrace writes, often as root in another user's directory.
#pragma once

#include <string>
#include <string_view>

#include "util/result.h"
#include "util/unique_fd.h"

namespace aiotrace {

/// Creates the file, readable only for the caller (caller.h: under sudo the user who typed it), or empties an existing
/// regular file that belongs to the caller and has no other name. "-", /dev/stdout, /dev/stderr, /dev/fd/N and
/// /proc/self/fd/N are descriptors that the program was started with; they are duplicated. These are refused: a
/// symbolic link as the last part, a symbolic link on the way that a stranger could have made (its directory or itself
/// belongs to neither root nor the caller, or others can write to the directory), a directory, a FIFO and a socket. A
/// device (/dev/null) is accepted. A file is only emptied after all these checks. The error names the path.
[[nodiscard]] Result<UniqueFd> open_output_file(const std::string& path);

/// Writes everything, and waits for the reader even if the descriptor is non-blocking. 0, or the errno; then the
/// written part is removed from a regular file again.
[[nodiscard]] int write_whole(int fd, std::string_view bytes);

}  // namespace aiotrace

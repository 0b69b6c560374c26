// Files that aiotrace writes, often as root in a directory of somebody else.
#pragma once

#include <string>
#include <string_view>

#include "util/result.h"
#include "util/unique_fd.h"

namespace aiotrace {

/// Creates the file, for the caller alone (caller.h: behind sudo who typed it), or empties a regular one that is there,
/// belongs to the caller and has no other name. "-", /dev/stdout, /dev/stderr, /dev/fd/N and /proc/self/fd/N are
/// descriptors that the program was started with, and duplicated. Refused are a symbolic link as the last part, one on
/// the way that a stranger could have made (its directory or itself belongs to neither root nor the caller, or others
/// can write to the directory), a directory, a FIFO or a socket; a device (/dev/null) is not. A file is only emptied
/// when all that is known. The error names the path.
[[nodiscard]] Result<UniqueFd> open_output_file(const std::string& path);

/// Writes all of it, waiting for a reader where the descriptor does not. 0, or the errno; of a regular file the part
/// that was written is then taken back.
[[nodiscard]] int write_whole(int fd, std::string_view bytes);

}  // namespace aiotrace

// The path to an output file, resolved so that no stranger can redirect it.
#pragma once

#include <string>

#include "util/result.h"
#include "util/unique_fd.h"

namespace aiotrace {

struct OutputPlace {
  UniqueFd directory;  ///< O_PATH
  std::string name;    ///< name in the directory, without a slash; its type has not been checked
};

/// Symbolic links on the way are followed only if they and their directory belong to root or the caller, and nobody
/// else can write to the directory: for example /var/run on Debian, or a link in the caller's own folder. Bounded: 40
/// links.
[[nodiscard]] Result<OutputPlace> find_output_place(const std::string& path);

}  // namespace aiotrace

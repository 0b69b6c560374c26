// The way to a file that is to be written: no stranger can turn it.
#pragma once

#include <string>

#include "util/result.h"
#include "util/unique_fd.h"

namespace aiotrace {

struct OutputPlace {
  UniqueFd directory;  ///< O_PATH
  std::string name;    ///< in it, without a slash; what it is has not been looked at
};

/// Symbolic links on the way are followed only if they and their directory belong to root or the caller, and nobody
/// else can write to the directory: /var/run on Debian, a link in one's own folder. Bounded: 40 links.
[[nodiscard]] Result<OutputPlace> find_output_place(const std::string& path);

}  // namespace aiotrace

// Compresses bytes to a gzip file.
#pragma once

#include <string>
#include <string_view>

#include "util/result.h"

namespace aiotrace::output {

/// The header has no name and no time, so equal bytes give equal files.
[[nodiscard]] Result<std::string> gzip(std::string_view bytes);

}  // namespace aiotrace::output

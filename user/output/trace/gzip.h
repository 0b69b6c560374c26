// Bytes as a gzip file.
#pragma once

#include <string>
#include <string_view>

#include "util/result.h"

namespace aiotrace::output {

/// Without a name and time in its header: equal bytes give equal files.
[[nodiscard]] Result<std::string> gzip(std::string_view bytes);

}  // namespace aiotrace::output

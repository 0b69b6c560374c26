// A run as one page for people: no network, nothing to install, light and dark.
#pragma once

#include <string>

#include "output/report.h"

namespace aiotrace::output {

/// The whole page, at most kMaxPageBytes of output/page.h: of very many stalls the longest and their details. Names of
/// the traced program are cut to a few hundred characters; they are data in it, never markup.
[[nodiscard]] std::string html_page(const Report& report);

}  // namespace aiotrace::output

// A run as one page for people: it needs no network and no installation, and has a light and a dark style.
#pragma once

#include <string>

#include "output/report.h"

namespace aiotrace::output {

/// The whole page, at most kMaxPageBytes of output/page.h: with very many stalls only the longest and their details.
/// Names of the traced program are cut to a few hundred characters; they are data in it, never markup.
[[nodiscard]] std::string html_page(const Report& report);

}  // namespace aiotrace::output

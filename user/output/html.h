// A run as one page for people: no network, nothing to install, light and dark.
#pragma once

#include <cstddef>
#include <string>

#include "output/report.h"

namespace aiotrace::output {

/// No page is larger, whatever was traced: what does not fit (the shorter stalls and their details, the narrowest parts
/// of the flame graph, the smallest places and loops) is left out, and the page says how much.
inline constexpr std::size_t kMaxPageBytes = 1'000'000;

/// The whole page. Names of the traced program are cut to a few hundred characters; they are data in it, never markup.
[[nodiscard]] std::string html_page(const Report& report);

}  // namespace aiotrace::output

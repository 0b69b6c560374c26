// Leaks as a page.
#pragma once

#include <cstdint>
#include <string>

#include "model/leak_history.h"
#include "model/leaks.h"
#include "output/context.h"

namespace aiotrace::output {

/// A page: the places with their course over the scans. `title` is the target.
[[nodiscard]] std::string leaks_page(const std::string& title, const model::LeakHistory& history,
                                     const model::LeakSummary& summary, std::uint64_t age_ns, std::uint64_t time_ns,
                                     const OutputContext& context);

}  // namespace aiotrace::output

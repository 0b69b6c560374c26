// Await sites as text.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "model/await_run.h"
#include "output/context.h"

namespace aiotrace::output {

/// A table, `top` rows at most (0: all), and a line about how it was made.
[[nodiscard]] std::vector<std::string> awaits_text(const std::vector<model::AwaitRow>& rows, std::size_t top,
                                                   const model::AwaitsSummary& summary, const OutputContext& context);

}  // namespace aiotrace::output

// A profile as text.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "model/profile_run.h"
#include "output/context.h"

namespace aiotrace::output {

/// The first `top` functions and waits, 0: all.
[[nodiscard]] std::vector<std::string> profile_text(const model::ProfileReport& report, std::size_t top,
                                                    const OutputContext& context);

}  // namespace aiotrace::output

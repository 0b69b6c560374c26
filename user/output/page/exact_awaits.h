// The findings of `awaits --exact`, as a page.
#pragma once

#include <string>
#include <vector>

#include "model/await_run.h"
#include "model/exact_awaits.h"
#include "output/context.h"

namespace aiotrace::output {

/// A page: the sites and the delays as tables. `title` is the process.
[[nodiscard]] std::string exact_awaits_page(const std::string& title, const std::vector<model::ExactAwaitRow>& rows,
                                            const std::vector<model::DelayRow>& delays,
                                            const model::ExactSummary& summary, const OutputContext& context);

}  // namespace aiotrace::output

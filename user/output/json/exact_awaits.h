// The findings of `awaits --exact`, as JSON.
#pragma once

#include <cstdint>
#include <string>

#include "model/await_run.h"
#include "model/exact_awaits.h"
#include "output/context.h"

namespace aiotrace::output {

[[nodiscard]] std::string exact_await_json(const model::ExactAwaitRow& row, std::uint32_t pid);
[[nodiscard]] std::string delay_json(const model::DelayRow& row, std::uint32_t pid);
[[nodiscard]] std::string exact_summary_json(const model::ExactSummary& summary, const OutputContext& context);

}  // namespace aiotrace::output

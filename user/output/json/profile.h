// A profile as JSON.
#pragma once

#include <string>

#include "model/profile.h"
#include "model/profile_run.h"
#include "output/context.h"

namespace aiotrace::output {

[[nodiscard]] std::string profile_watching_json(const model::ProfileHead& head, const OutputContext& context);
[[nodiscard]] std::string profile_row_json(const model::ProfileRow& row);
[[nodiscard]] std::string profile_summary_json(const model::ProfileReport& report, const OutputContext& context);

}  // namespace aiotrace::output

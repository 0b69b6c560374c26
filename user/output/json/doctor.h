// The findings of `aiotrace doctor`, as JSON.
#pragma once

#include <string>

#include "model/doctor.h"

namespace aiotrace::output {

/// One JSON object on one line: `type` is "host" or "process", `schema` model::kSchema. Unknown is null.
[[nodiscard]] std::string host_json(const model::HostReport& host);
[[nodiscard]] std::string process_json(const model::ProcessReport& process);

}  // namespace aiotrace::output

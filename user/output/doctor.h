// What `aiotrace doctor` found, for people and for programs.
#pragma once

#include <string>
#include <vector>

#include "model/doctor.h"
#include "output/context.h"

namespace aiotrace::output {

/// Clean lines, fitted to the context's columns where they hold no remedy; without newlines.
[[nodiscard]] std::vector<std::string> host_lines(const model::HostReport& host, const OutputContext& context);
[[nodiscard]] std::vector<std::string> process_lines(const model::ProcessReport& process, const OutputContext& context);

/// One JSON object on one line: `type` is "host" or "process", `schema` model::kSchema. Unknown is null.
[[nodiscard]] std::string host_json(const model::HostReport& host);
[[nodiscard]] std::string process_json(const model::ProcessReport& process);

}  // namespace aiotrace::output

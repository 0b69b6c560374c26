// The findings of `aiotrace doctor`, as text.
#pragma once

#include <string>
#include <vector>

#include "model/doctor.h"
#include "output/context.h"

namespace aiotrace::output {

/// Clean lines, wrapped to the context's columns unless they contain a remedy; without newlines.
[[nodiscard]] std::vector<std::string> host_lines(const model::HostReport& host, const OutputContext& context);
[[nodiscard]] std::vector<std::string> process_lines(const model::ProcessReport& process, const OutputContext& context);

}  // namespace aiotrace::output

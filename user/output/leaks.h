// Leaks as rows of JSON and as text.
#pragma once

#include <string>
#include <vector>

#include "model/leaks.h"
#include "output/context.h"

namespace aiotrace::output {

/// One line of JSON each.
[[nodiscard]] std::string leak_json(const model::Leak& leak);
[[nodiscard]] std::string leak_scan_json(const model::LeakScan& scan);
[[nodiscard]] std::string leak_summary_json(const model::LeakSummary& summary, std::uint64_t time_ns,
                                            const OutputContext& context);

/// What one scan found, for people: clean lines without newlines. `first`: an age can not be known yet.
[[nodiscard]] std::vector<std::string> leak_scan_lines(const model::LeakScan& scan,
                                                       const std::vector<model::Leak>& leaks, bool first,
                                                       const OutputContext& context);

/// The groups alone, at most `most` of them (0: all).
[[nodiscard]] std::vector<std::string> leak_lines(const std::vector<model::Leak>& leaks, std::size_t most,
                                                  const OutputContext& context);

}  // namespace aiotrace::output

// Leaks as text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/leaks.h"
#include "output/context.h"

namespace aiotrace::output {

/// The findings of one scan, for people: clean lines without newlines. `first`: ages are not known yet.
[[nodiscard]] std::vector<std::string> leak_scan_lines(const model::LeakScan& scan,
                                                       const std::vector<model::Leak>& leaks, bool first,
                                                       const OutputContext& context);

/// The groups alone, at most `most` of them (0: all).
[[nodiscard]] std::vector<std::string> leak_lines(const std::vector<model::Leak>& leaks, std::size_t most,
                                                  const OutputContext& context);

/// For a run that watches stalls: "Leaks"; "Leaks: none"; "Leaks: none older than 60 s; 40 candidates: stuck, younger
/// than 60 s" if the scans did not last long enough to decide. `not_judged`: LeakScan::unclassified.
[[nodiscard]] std::string leaks_heading(const std::vector<model::Leak>& leaks, std::uint64_t not_judged);

/// The cost of --origin, for people.
[[nodiscard]] std::string origins_line(const model::LeakOrigins& origins, std::uint64_t elapsed_ns);

/// "a list, variable held of module app", cleaned.
[[nodiscard]] std::string holder_text(const model::LeakHolder& holder);

}  // namespace aiotrace::output

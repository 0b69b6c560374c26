// Compares `aiotrace profile` on tests/programs/profiled.py with that program's own count.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/support/scratch.h"

namespace aiotrace::testing {

/// The `profile` lines.
[[nodiscard]] std::vector<Json> profile_rows(const std::vector<Json>& lines);
/// The records of a target that are completely in the profiled time.
[[nodiscard]] std::vector<Json> records_within(const std::vector<Json>& records, const std::vector<Json>& lines);
/// The plain name of the innermost frame that is one of these; empty: none.
[[nodiscard]] std::string function_in(const Json& row, const std::set<std::string>& wanted);

/// CPU time by function, of the busy kind: the target's count, and the samples of the rows.
struct Shares {
  std::map<std::string, double> own_ns;
  std::map<std::string, double> reported_ns;
  double samples = 0;
};
[[nodiscard]] Shares shares_of(const std::vector<Json>& records, const std::vector<Json>& rows,
                               const std::function<bool(const Json&)>& wanted);
/// CHECKs that they agree within the statistical error of this many samples.
void check_shares(const Shares& shares);

}  // namespace aiotrace::testing

#include "model/cause.h"

#include <algorithm>

namespace aiotrace::model {

// There are as many rows as numbers, so if no row is empty, no number is missing and none occurs twice.
static_assert(std::ranges::none_of(kCauseRows, [](const CauseInfo& row) { return row.name.empty(); }));

std::string_view name(Cause cause) { return index(cause) < kCauses ? kCauseRows[index(cause)].name : "?"; }

std::optional<Cause> cause_from_name(std::string_view name) {
  const auto* row = std::ranges::find(kCauseTable, name, &CauseInfo::name);
  return row == std::end(kCauseTable) ? std::nullopt : std::optional(row->cause);
}

std::vector<Cause> causes_by_size(const std::array<std::uint64_t, kCauses>& cause_ns) {
  std::vector<Cause> causes;
  for (std::size_t i = 0; i < kCauses; ++i)
    if (cause_ns.at(i) != 0) causes.push_back(static_cast<Cause>(i));
  std::ranges::stable_sort(causes, std::ranges::greater{},
                           [&cause_ns](Cause cause) { return cause_ns.at(index(cause)); });
  return causes;
}

}  // namespace aiotrace::model

#include "model/exact_awaits.h"

#include <algorithm>

namespace aiotrace::model {

void Durations::add(const Durations& other) {
  count += other.count;
  total_ns += other.total_ns;
  max_ns = std::max(max_ns, other.max_ns);
  for (std::size_t i = 0; i < buckets.size(); i++) buckets[i] += other.buckets[i];
}

void InFlight::add(const InFlight& other) {
  count += other.count;
  total_ns += other.total_ns;
  longest_ns = std::max(longest_ns, other.longest_ns);
}

void ExactAwaits::add(const AwaitSite& site, const Durations& waited, const InFlight& in_flight) {
  auto& row = rows_[site];
  row.site = site;
  row.in_flight.add(in_flight);
  row.waited.add(waited);
}

std::vector<ExactAwaitRow> ExactAwaits::rows() const {
  std::vector<ExactAwaitRow> rows;
  rows.reserve(rows_.size());
  for (const auto& [site, row] : rows_) rows.push_back(row);
  std::ranges::stable_sort(rows, [](const auto& a, const auto& b) { return a.total_ns() > b.total_ns(); });
  return rows;
}

}  // namespace aiotrace::model

#include "tests/support/profile.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>

#include "tests/catch.h"

namespace aiotrace::testing {
namespace {

const std::set<std::string> kFunctions = {"heavy", "middle", "light", "threaded"};

double sum_of(const std::map<std::string, double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0,
                         [](double sum, const auto& each) { return sum + each.second; });
}

}  // namespace

std::vector<Json> profile_rows(const std::vector<Json>& lines) {
  std::vector<Json> rows;
  std::ranges::copy_if(lines, std::back_inserter(rows), [](const Json& line) { return line["type"] == "profile"; });
  return rows;
}

std::vector<Json> records_within(const std::vector<Json>& records, const std::vector<Json>& lines) {
  const double begin_ns = lines.front()["start_ns"].get<double>();
  const double end_ns = begin_ns + lines.back()["elapsed_ns"].get<double>();
  std::vector<Json> within;
  std::ranges::copy_if(records, std::back_inserter(within), [&](const Json& record) {
    return record["begin_ns"].get<double>() >= begin_ns && record["end_ns"].get<double>() <= end_ns;
  });
  return within;
}

std::string function_in(const Json& row, const std::set<std::string>& wanted) {
  if (row["stack"].is_null()) return {};
  for (const auto& frame : row["stack"]) {
    if (frame["function"].is_string() && wanted.contains(frame["function"].get<std::string>()))
      return frame["function"].get<std::string>();
  }
  return {};
}

Shares shares_of(const std::vector<Json>& records, const std::vector<Json>& rows,
                 const std::function<bool(const Json&)>& wanted) {
  Shares shares;
  for (const auto& record : records)
    shares.own_ns[record["function"].get<std::string>()] += record["cpu_ns"].get<double>();
  for (const auto& row : rows) {
    const auto function = function_in(row, kFunctions);
    if (function.empty() || row["exact"] == true || !wanted(row)) continue;
    shares.reported_ns[function] += row["ns"].get<double>();
    shares.samples += row["count"].get<double>();
  }
  return shares;
}

void check_shares(const Shares& shares) {
  REQUIRE(shares.own_ns.size() == kFunctions.size());
  REQUIRE(shares.samples > 50);
  const double own_ns = sum_of(shares.own_ns), reported_ns = sum_of(shares.reported_ns);
  for (const auto& [function, ns] : shares.own_ns) {
    const double own = ns / own_ns;
    const auto reported_at = shares.reported_ns.find(function);
    const double reported = reported_at == shares.reported_ns.end() ? 0 : reported_at->second / reported_ns;
    const double deviation = std::sqrt(own * (1 - own) / shares.samples);
    INFO(function << ": own share " << own << ", reported " << reported << " of " << shares.samples
                  << " samples, deviation " << deviation);
    CHECK(std::abs(reported - own) <= 4 * deviation + 0.005);
  }
}

}  // namespace aiotrace::testing

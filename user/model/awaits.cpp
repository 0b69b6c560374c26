#include "model/awaits.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace aiotrace::model {

namespace {

// A snapshot takes some milliseconds, so the beginning of the first and the end of the last are not known more exactly.
constexpr double kEndsNs = 5e6;

// Between two awaits a task runs, and its next await may end before it is seen: this share of a total can be such
// awaits.
constexpr double kBetween = 0.005;

// The total is only known within its error, and the longest is a lower bound.
std::optional<std::uint64_t> mean_of(const AwaitRow& row) {
  const auto least_ns = (row.total_ns - std::min(row.total_ns, row.error_ns)) / row.count;
  if (row.longest_ns == 0 || row.total_ns == 0 || least_ns > row.longest_ns) return std::nullopt;
  return std::min(row.total_ns / row.count, row.longest_ns);
}

}  // namespace

std::size_t AwaitTable::site(const AwaitSite& site) {
  const auto [at, added] = numbers_.try_emplace(site, sums_.size());
  if (added) sums_.emplace_back();
  return at->second;
}

std::size_t AwaitTable::resolve(std::size_t site) const {
  while (sums_[site].merged_into != kItself) site = sums_[site].merged_into;
  return site;
}

void AwaitTable::merge(std::size_t from, std::size_t to) {
  from = resolve(from);
  to = resolve(to);
  if (from == to) return;
  auto& one = sums_[from];
  auto& other = sums_[to];
  other.total_ns += one.total_ns;
  other.variance += one.variance;
  other.in_flight += one.in_flight;
  other.count += one.count;
  other.seen_once += one.seen_once;
  other.ended += one.ended;
  other.snapshots += one.snapshots;
  other.longest_ns = std::max(other.longest_ns, one.longest_ns);
  one = {};
  one.merged_into = to;
}

void AwaitTable::end(const Open& open, std::uint64_t last_seen_ns) {
  auto& sums = sums_[resolve(open.site)];
  sums.ended++;
  if (open.times == 1) sums.seen_once++;
  sums.longest_ns = std::max(sums.longest_ns, last_seen_ns - std::min(last_seen_ns, open.first_ns));
}

void AwaitTable::add_snapshot(std::uint64_t taken_ns, std::uint64_t read_ns, std::span<const AwaitSeen> seen) {
  const bool first = snapshots_ == 0;
  if (first) first_ns_ = last_ns_ = taken_ns;
  const auto interval_ns = static_cast<double>(taken_ns - last_ns_);
  std::vector<std::uint64_t> now(sums_.size());
  snapshots_++;
  for (const auto& one : seen) {
    const auto site = resolve(one.site);
    auto& sums = sums_[site];
    now[site]++;
    sums.snapshots++;
    auto& open = open_[one.task];
    const bool same = open.times != 0 && open.await == one.await && resolve(open.site) == site;
    if (!same) {
      if (open.times != 0) end(open, last_ns_);
      open = {.await = one.await, .site = site, .first_ns = read_ns, .times = 0, .snapshot = 0};
      sums.count++;
    }
    open.times++;
    open.snapshot = snapshots_;
  }
  std::erase_if(open_, [&](const auto& item) {
    if (item.second.snapshot == snapshots_) return false;
    end(item.second, last_ns_);
    return true;
  });
  if (curves_kept_) keep_changes(taken_ns, now);
  for (std::size_t i = 0; i < sums_.size(); i++) {
    auto& sums = sums_[i];
    if (!first) {
      const auto before = static_cast<double>(sums.in_flight), after = static_cast<double>(now[i]);
      sums.total_ns += interval_ns * (before + after) / 2;
      // The variance of a mean of samples taken in order, from the differences of neighbours (von Neumann 1941): it
      // does not treat a slow change as random, and tasks that wait in lockstep count as one sample.
      sums.variance += interval_ns * interval_ns * (after - before) * (after - before) / 2;
    }
    sums.in_flight = now[i];
  }
  last_ns_ = taken_ns;
}

void AwaitTable::keep_changes(std::uint64_t taken_ns, const std::vector<std::uint64_t>& now) {
  last_in_flight_.resize(now.size());
  for (std::size_t site = 0; site < now.size(); site++) {
    if (last_in_flight_[site] == now[site]) continue;
    if (changes_.size() >= kMaxPoints) {
      points_over_++;
      continue;
    }
    last_in_flight_[site] = now[site];
    changes_.push_back({.time_ns = taken_ns, .site = site, .in_flight = now[site]});
  }
}

std::vector<AwaitCurve> AwaitTable::curves(std::size_t most) const {
  std::vector<AwaitCurve> curves;
  std::unordered_map<std::size_t, std::size_t> curve_of;  // by site
  for (auto& row : rows()) {
    if (curves.size() == most) break;
    curve_of.emplace(numbers_.at(row.site), curves.size());
    curves.push_back({.site = std::move(row.site), .points = {}});
  }
  // Sites that were different before may be one site now.
  std::vector<std::uint64_t> each(sums_.size()), all(curves.size());
  for (const auto& change : changes_) {
    const auto found = curve_of.find(resolve(change.site));
    if (found == curve_of.end()) continue;
    auto& in_flight = all[found->second];
    in_flight = in_flight + change.in_flight - std::exchange(each[change.site], change.in_flight);
    auto& points = curves[found->second].points;
    if (!points.empty() && points.back().time_ns == change.time_ns) points.pop_back();
    if (points.empty() ? in_flight != 0 : points.back().in_flight != in_flight)
      points.push_back({.time_ns = change.time_ns, .in_flight = in_flight});
  }
  return curves;
}

std::vector<AwaitRow> AwaitTable::rows() const {
  std::vector<AwaitRow> rows;
  std::vector<std::uint64_t> longest(sums_.size());
  for (const auto& [task, open] : open_) {
    auto& one = longest[resolve(open.site)];
    one = std::max(one, last_ns_ - std::min(last_ns_, open.first_ns));
  }
  const double interval_ns = snapshots_ > 1 ? static_cast<double>(watched_ns()) / static_cast<double>(snapshots_ - 1)
                                            : 0;
  for (const auto& [site, number] : numbers_) {
    const auto& sums = sums_[number];
    if (sums.snapshots == 0) continue;
    AwaitRow row;
    row.site = site;
    row.in_flight = sums.in_flight;
    row.count = sums.count;
    row.snapshots = sums.snapshots;
    row.total_ns = static_cast<std::uint64_t>(sums.total_ns);
    // An await that is seen more than once has an uncertain begin and end, which adds f(1-f) of an interval squared, at
    // most a quarter. An await that is seen once might not have been seen at all.
    const double once = sums.ended != 0 ? static_cast<double>(sums.seen_once) / static_cast<double>(sums.ended) : 0;
    // A variance that is estimated from few samples can itself be too small by chance. So two more samples of each kind
    // are assumed (Agresti and Coull 1998), and more than two deviations are used (Student).
    const double few = 1.5 * interval_ns * interval_ns * once;
    const double deviations = 2 + 6.0 / static_cast<double>(std::max<std::size_t>(snapshots_, 2));
    const double chance_ns = deviations * std::sqrt((sums.variance + few) * (once + (1 - once) / 4));
    const double mean_in_flight = watched_ns() == 0 ? 0 : sums.total_ns / static_cast<double>(watched_ns());
    row.error_ns = static_cast<std::uint64_t>(chance_ns + mean_in_flight * kEndsNs + sums.total_ns * kBetween);
    row.longest_ns = std::max(sums.longest_ns, longest[number]);
    row.mean_ns = mean_of(row);
    row.estimate = sums.total_ns / static_cast<double>(sums.count) < 2 * interval_ns;
    rows.push_back(std::move(row));
  }
  std::ranges::stable_sort(rows, [](const auto& a, const auto& b) { return a.total_ns > b.total_ns; });
  return rows;
}

}  // namespace aiotrace::model

#include "model/top_row.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <tuple>

namespace aiotrace::model {
namespace {

char lower(char letter) { return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter; }

bool contains(std::string_view text, std::string_view part) {
  return std::ranges::search(text, part, [](char a, char b) { return lower(a) == lower(b); }).begin() != text.end() ||
         part.empty();
}

// A number by which rows are sorted, largest first; an unknown value is less than all others.
double weight(const TopRow& row, TopSort by) {
  constexpr double kUnknown = -1;
  const auto of = [](const std::optional<std::uint64_t>& ns) { return ns ? static_cast<double>(*ns) : kUnknown; };
  switch (by) {
    case TopSort::stalled: return static_cast<double>(row.stalled_ns());
    case TopSort::longest: return of(row.longest_ns);
    case TopSort::p99: return of(row.p99_ns);
    case TopSort::busy: return row.busy.value_or(kUnknown);
    case TopSort::iterations: return row.iterations_per_s.value_or(kUnknown);
    case TopSort::stalls: return static_cast<double>(row.stalls);
    case TopSort::service:
    case TopSort::pid: break;
  }
  return 0;
}

bool by_name(const TopRow& a, const TopRow& b) {
  return std::tie(a.service, a.pid, a.tid) < std::tie(b.service, b.pid, b.tid);
}

template <class T>
void add_known(std::optional<T>& sum, const std::optional<T>& more) {
  if (more) sum = sum.value_or(T{}) + *more;
}

template <class T>
void take_worst(std::optional<T>& worst, const std::optional<T>& other) {
  if (other) worst = std::max(worst.value_or(T{}), *other);
}

// The newest intervals are aligned: a younger loop has fewer.
void take_longest(std::vector<std::uint64_t>& each, const std::vector<std::uint64_t>& other) {
  if (other.size() > each.size()) each.insert(each.begin(), other.size() - each.size(), 0);
  const auto first = each.size() - other.size();
  for (std::size_t i = 0; i < other.size(); ++i) each[first + i] = std::max(each[first + i], other[i]);
}

void merge_looks(ProcessLooks& all, const ProcessLooks& one) {
  add_known(all.leaks, one.leaks);
  add_known(all.tasks, one.tasks);
  all.hangs += one.hangs;
  if (one.verdict && (!all.verdict || *one.verdict < *all.verdict)) all.verdict = one.verdict;
}

void merge_loop(TopRow& all, const TopRow& one) {
  ++all.loops;
  all.ended = all.ended && one.ended;
  take_worst(all.busy, one.busy);
  add_known(all.iterations_per_s, one.iterations_per_s);
  take_worst(all.p99_ns, one.p99_ns);
  take_worst(all.longest_ns, one.longest_ns);
  take_longest(all.longest_each_ns, one.longest_each_ns);
  all.stalls += one.stalls;
  all.ongoing_ns = std::max(all.ongoing_ns, one.ongoing_ns);
  for (std::size_t i = 0; i < kCauses; ++i) all.cause_ns[i] += one.cause_ns[i];
  add_known(all.ready, one.ready);
}

}  // namespace

std::uint64_t TopRow::stalled_ns() const { return std::accumulate(cause_ns.begin(), cause_ns.end(), std::uint64_t{0}); }

void sort_rows(std::vector<TopRow>& rows, TopSort by, bool reverse) {
  std::ranges::sort(rows, by_name);
  std::ranges::stable_sort(rows, [by, reverse](const TopRow& a, const TopRow& b) {
    const auto& [first, second] = reverse ? std::tie(b, a) : std::tie(a, b);
    if (by == TopSort::service) return first.service < second.service;
    if (by == TopSort::pid) return first.pid < second.pid;
    return weight(first, by) > weight(second, by);
  });
}

bool matches(const TopRow& row, std::string_view text) {
  return contains(row.service, text) || contains(row.command, text) || contains(row.thread, text) ||
         contains(std::to_string(row.pid), text);
}

std::vector<TopRow> merge_by_service(const std::vector<TopRow>& rows) {
  std::map<std::string, TopRow> services;
  std::map<std::string, std::set<std::uint32_t>> pids;
  for (const auto& row : rows) {
    const auto [at, is_new] = services.try_emplace(row.service, row);
    auto& all = at->second;
    // The findings of looks belong to the process: they count once for all its loops.
    const bool other_process = pids[row.service].insert(row.pid).second;
    if (is_new) continue;
    merge_loop(all, row);
    if (other_process) merge_looks(all.looks, row.looks);
  }
  std::vector<TopRow> merged;
  for (auto& [service, row] : services) {
    row.merged = true;
    row.processes = pids[service].size();
    if (row.processes > 1) row.pid = 0;
    if (row.loops > 1) {
      row.tid = 0;
      row.thread.clear();
    }
    merged.push_back(std::move(row));
  }
  return merged;
}

std::optional<Cause> largest_cause(const std::array<std::uint64_t, kCauses>& cause_ns) {
  const auto largest = std::ranges::max_element(cause_ns);
  if (*largest == 0) return std::nullopt;
  return static_cast<Cause>(largest - cause_ns.begin());
}

}  // namespace aiotrace::model

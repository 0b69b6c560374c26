// A row of the live view, and operations on rows: sort, filter, merge. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/cause.h"
#include "model/hang.h"
#include "model/names.h"

namespace aiotrace::model {

/// Findings of looks at a process, if any was made.
struct ProcessLooks {
  std::optional<std::uint64_t> leaks;  ///< leaked objects in the last scan; nothing: no scan yet
  std::optional<std::uint64_t> tasks;  ///< unfinished tasks in the last look for hangs; nothing: no look yet
  std::uint64_t hangs = 0;             ///< number of reported hangs
  std::optional<HangVerdict> verdict;  ///< the most severe of them; nothing: none, or no look
};

/// One loop, or all loops of a service (`loops` > 1 or `merged`). For several loops: sums of the counters, and the
/// worst of the other values: busy share, percentile, longest iteration.
struct TopRow {
  std::string service{};  ///< UTF-8, not cleaned, as all names here
  std::string command{};
  std::string thread{};   ///< empty: several threads
  std::uint32_t pid = 0;  ///< 0: several
  std::uint32_t tid = 0;  ///< 0: several
  std::size_t loops = 1;
  std::size_t processes = 1;
  bool merged = false;
  bool ended = false;                        ///< its thread has ended
  std::optional<double> busy{};              ///< share of the last interval inside iterations; nothing: unknown
  std::optional<double> iterations_per_s{};  ///< in the last interval
  std::optional<std::uint64_t> p99_ns{};  ///< 99th percentile of iterations, last kTopRecent intervals; nothing: none
  std::optional<std::uint64_t> longest_ns{};     ///< longest of these, including the present one
  std::vector<std::uint64_t> longest_each_ns{};  ///< longest iteration by interval, last kTopIntervals, oldest first
  std::uint64_t stalls = 0;      ///< stalls of the last kTopIntervals intervals, including an ongoing one
  std::uint64_t ongoing_ns = 0;  ///< duration of an ongoing stall; 0: none
  std::array<std::uint64_t, kCauses> cause_ns{};  ///< of those stalls
  std::optional<std::uint64_t> ready{};           ///< callbacks that are ready to run
  ProcessLooks looks{};

  [[nodiscard]] std::uint64_t stalled_ns() const;
};

enum class TopSort : std::uint8_t { stalled, longest, p99, busy, iterations, stalls, service, pid };
template <>
struct Names<TopSort> {
  static constexpr std::array<std::string_view, 8> list{"stalled",    "longest", "p99",     "busy",
                                                        "iterations", "stalls",  "service", "pid"};
};

/// Sorts largest first, names and pids smallest first; `reverse` inverts the order. Unknown values are last. Equal rows
/// are sorted by service, pid and tid, so that their order is stable.
void sort_rows(std::vector<TopRow>& rows, TopSort by, bool reverse);

/// Whether the service, command, thread or pid contains the text. ASCII letters match in both cases. An empty text
/// matches all rows.
[[nodiscard]] bool matches(const TopRow& row, std::string_view text);

/// A row for each service.
[[nodiscard]] std::vector<TopRow> merge_by_service(const std::vector<TopRow>& rows);

/// The cause with most time; nothing if there is none.
[[nodiscard]] std::optional<Cause> largest_cause(const std::array<std::uint64_t, kCauses>& cause_ns);

}  // namespace aiotrace::model

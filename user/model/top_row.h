// A row of the live view, and what can be done with rows: sort, filter, merge. Pure.
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

/// What looks at a process have found, as far as any was made.
struct ProcessLooks {
  std::optional<std::uint64_t> leaks;  ///< objects that leak, in the last scan; nothing: no scan yet
  std::optional<std::uint64_t> tasks;  ///< that have not finished, in the last look for hangs; nothing: no look yet
  std::uint64_t hangs = 0;             ///< what is reported as hanging
  std::optional<HangVerdict> verdict;  ///< the gravest of them; nothing: none, or no look
};

/// One loop, or all loops of a service (`loops` > 1 or `merged`). Of several: sums of what counts, and the worst of
/// what does not: busy share, percentile, longest iteration.
struct TopRow {
  std::string service{};  ///< UTF-8, not cleaned, as all names here
  std::string command{};
  std::string thread{};   ///< empty: several
  std::uint32_t pid = 0;  ///< 0: several
  std::uint32_t tid = 0;  ///< 0: several
  std::size_t loops = 1;
  std::size_t processes = 1;
  bool merged = false;
  bool ended = false;                        ///< its thread is gone
  std::optional<double> busy{};              ///< share of the last interval inside iterations; nothing: not known yet
  std::optional<double> iterations_per_s{};  ///< in the last interval
  std::optional<std::uint64_t>
      p99_ns{};  ///< of the iterations of the last kTopRecent intervals; nothing: there was none
  std::optional<std::uint64_t> longest_ns{};      ///< likewise; with the present one
  std::vector<std::uint64_t> longest_each_ns{};   ///< of each of the last kTopIntervals intervals, oldest first
  std::uint64_t stalls = 0;                       ///< of the last kTopIntervals intervals; with one that goes on
  std::uint64_t ongoing_ns = 0;                   ///< a stall that goes on has lasted so long; 0: none does
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

/// Largest first, names and pids smallest first; `reverse` turns that. What is not known is last. Rows that are equal
/// stand by service, pid and tid, so that they keep their places.
void sort_rows(std::vector<TopRow>& rows, TopSort by, bool reverse);

/// Whether the text is in its service, command, thread or pid. Letters of ASCII match in both cases. An empty one is in
/// all.
[[nodiscard]] bool matches(const TopRow& row, std::string_view text);

/// A row for each service.
[[nodiscard]] std::vector<TopRow> merge_by_service(const std::vector<TopRow>& rows);

/// The cause with most time; nothing where there is none.
[[nodiscard]] std::optional<Cause> largest_cause(const std::array<std::uint64_t, kCauses>& cause_ns);

}  // namespace aiotrace::model

// Data of the live view about all loops: their last intervals, computed from the difference of the counters at two
// moments, and their latest stalls. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/loop_now.h"
#include "model/stall.h"
#include "model/top_row.h"

namespace aiotrace::model {

/// Number of intervals that are remembered: those of the sparkline, whose stalls are counted.
inline constexpr std::size_t kTopIntervals = 60;
/// Number of intervals whose iterations make the percentile and the longest one.
inline constexpr std::size_t kTopRecent = 10;

/// Stalled time of a loop at one place in the program.
struct TopPlace {
  Cause cause = Cause::other;
  std::string syscall;   ///< empty: none or unknown
  std::string function;  ///< empty: no stack
  std::string file;
  std::uint32_t line = 0;
  std::uint64_t ns = 0;
  std::uint64_t stalls = 0;
};

class TopTable {
 public:
  using Loop = std::pair<std::uint32_t, std::uint32_t>;  // pid, tid
  /// Limit of places for a loop: beyond it the smallest are removed.
  static constexpr std::size_t kMaxPlaces = 64;
  /// Limits of stalls that are kept with details, for a loop and for all loops together: the oldest are removed first.
  static constexpr std::size_t kMaxStallsOfLoop = 12;
  static constexpr std::size_t kMaxStalls = 512;

  explicit TopTable(std::uint64_t warn_ns) : warn_ns_(warn_ns) {}

  /// Adds a stall: each time that it is reported as ongoing, and when it has ended.
  void add(const Stall& stall);
  /// To be called at the end of an interval. `services` and `looks` of processes by pid. A loop that is not among
  /// `loops` has ended: its row stays for kTopRecent more intervals.
  void refresh(std::uint64_t now_ns, const std::vector<LoopNow>& loops,
               const std::map<std::uint32_t, std::string>& services,
               const std::map<std::uint32_t, ProcessLooks>& looks);

  /// Unordered.
  [[nodiscard]] std::vector<TopRow> rows() const;
  /// Newest first.
  [[nodiscard]] std::vector<const Stall*> stalls_of(Loop loop) const;
  /// Largest first, since the view began.
  [[nodiscard]] std::vector<TopPlace> places_of(Loop loop) const;
  /// Total duration of the remembered intervals: "stalls of the last 60 s".
  [[nodiscard]] std::uint64_t remembered_ns() const;

 private:
  struct Interval {
    std::uint64_t longest_ns = 0;
    std::uint64_t stalls = 0;
    std::array<std::uint64_t, kCauses> cause_ns{};
    // New iterations by bucket, without empty buckets.
    std::vector<std::pair<std::uint16_t, std::uint32_t>> iterations;
  };
  struct Ongoing {
    std::uint64_t id = 0;
    std::uint64_t duration_ns = 0;
    std::array<std::uint64_t, kCauses> cause_ns{};
  };
  struct Known {
    LoopNow now;
    std::string service;
    ProcessLooks looks;
    bool counted = false;  // `now` has counters
    std::optional<double> busy;
    std::optional<double> iterations_per_s;
    std::deque<Interval> intervals;  // oldest first; the last one is not over
    std::optional<Ongoing> ongoing;
    std::size_t gone = 0;  // number of intervals since its end
    std::size_t kept_stalls = 0;
    std::vector<TopPlace> places;
  };

  void take_counters(Known& known, const LoopNow& now, std::uint64_t interval_ns);
  void keep(const Stall& stall, Known& known);
  void drop_oldest_of(Loop loop);
  static void add_places(const Stall& stall, std::vector<TopPlace>& places);
  [[nodiscard]] TopRow row_of(const Known& known) const;

  std::uint64_t warn_ns_;
  std::uint64_t refreshed_ns_ = 0;
  std::deque<std::uint64_t> interval_ns_;  // of the remembered intervals
  std::map<Loop, Known> loops_;
  std::deque<Stall> stalls_;  // the newest last
};

}  // namespace aiotrace::model

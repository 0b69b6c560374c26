// Time that tasks spend waiting, by await site, estimated from snapshots of all tasks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "model/stall.h"

namespace aiotrace::model {

/// Where tasks wait: the innermost line of the program itself, in which task's coroutine, and for what.
struct AwaitSite {
  std::string coroutine;  ///< root coroutine of the tasks, qualified; empty: unknown
  Frame place;            ///< innermost frame outside the standard library, else the innermost
  std::string awaits;     ///< "sleep", "Queue.get", "task"
  auto operator<=>(const AwaitSite& other) const { return key() <=> other.key(); }
  bool operator==(const AwaitSite& other) const { return key() == other.key(); }

 private:
  [[nodiscard]] std::tuple<const std::string&, const std::string&, const std::string&, std::uint32_t,
                           const std::string&>
  key() const {
    return {coroutine, place.function, place.file, place.line, awaits};
  }
};

/// One task that waits, in one snapshot.
struct AwaitSeen {
  std::uint64_t task = 0;   ///< unique among the tasks that live
  std::uint64_t await = 0;  ///< the same as long as the task is in the same await
  std::size_t site = 0;     ///< as AwaitTable::site() gave it
};

/// What is known of a site. An await that is shorter than the time between two snapshots is seen by chance only, in
/// proportion to its length: total_ns is right all the same, the others are estimates then.
struct AwaitRow {
  AwaitSite site;
  std::uint64_t in_flight = 0;  ///< in the last snapshot
  std::uint64_t count = 0;      ///< awaits seen
  std::uint64_t snapshots = 0;  ///< times that one was seen
  std::uint64_t total_ns = 0;
  std::uint64_t error_ns = 0;  ///< total_ns is within ± so much (two standard deviations)
  /// Total / count, and never more than the longest. Nothing where that contradicts what was seen: there are more
  /// awaits then than were counted.
  std::optional<std::uint64_t> mean_ns;
  std::uint64_t longest_ns = 0;  ///< of one await at least: from when it had been seen to when it was last looked for
  bool estimate = false;         ///< most awaits are too short to be all seen: count is a lower, mean an upper bound
};

/// How many tasks waited at a site, each time that the number was another one.
struct AwaitCurve {
  struct Point {
    std::uint64_t time_ns = 0;  ///< of the snapshot
    std::uint64_t in_flight = 0;
    bool operator==(const Point&) const = default;
  };
  AwaitSite site;
  std::vector<Point> points;  ///< in the order of time; before the first it was 0
};

class AwaitTable {
 public:
  /// Points of all curves together (some 5 MB); what comes beyond is counted and not kept.
  static constexpr std::size_t kMaxPoints = 200'000;

  /// From now on, changes are kept for curves().
  void keep_curves() { curves_kept_ = true; }
  /// The `most` sites with the largest total, in this order.
  [[nodiscard]] std::vector<AwaitCurve> curves(std::size_t most) const;
  [[nodiscard]] std::uint64_t points_over() const { return points_over_; }

  /// A number for a site, the same for equal ones.
  [[nodiscard]] std::size_t site(const AwaitSite& site);

  /// They turned out to be the same: what was and will be seen at `from` belongs to `to`.
  void merge(std::size_t from, std::size_t to);

  /// All tasks that wait at `taken_ns` (CLOCK_MONOTONIC, rising), read until `read_ns`. Each task once.
  void add_snapshot(std::uint64_t taken_ns, std::uint64_t read_ns, std::span<const AwaitSeen> seen);

  [[nodiscard]] std::size_t snapshots() const { return snapshots_; }
  /// When the first was taken.
  [[nodiscard]] std::uint64_t first_ns() const { return first_ns_; }
  /// From the first snapshot to the last.
  [[nodiscard]] std::uint64_t watched_ns() const { return last_ns_ - first_ns_; }
  /// By total time, largest first; sites where nothing was seen are left out.
  [[nodiscard]] std::vector<AwaitRow> rows() const;

 private:
  static constexpr std::size_t kItself = ~std::size_t{0};
  struct Sums {
    std::size_t merged_into = kItself;
    double total_ns = 0;
    double variance = 0;  // of total_ns, as if each await were shorter than the time between snapshots
    std::uint64_t in_flight = 0;
    std::uint64_t count = 0;
    std::uint64_t seen_once = 0;  // of the awaits that ended
    std::uint64_t ended = 0;
    std::uint64_t snapshots = 0;
    std::uint64_t longest_ns = 0;
  };
  struct Open {  // an await that goes on
    std::uint64_t await = 0;
    std::size_t site = 0;
    std::uint64_t first_ns = 0;  // when it had been read for the first time: it may have begun while others were
    std::uint64_t times = 0;
    std::size_t snapshot = 0;  // in which it was seen last
  };
  [[nodiscard]] std::size_t resolve(std::size_t site) const;
  void end(const Open& open, std::uint64_t last_seen_ns);

  struct Change {
    std::uint64_t time_ns = 0;
    std::size_t site = 0;  // as it was called then
    std::uint64_t in_flight = 0;
  };
  void keep_changes(std::uint64_t taken_ns, const std::vector<std::uint64_t>& now);

  std::map<AwaitSite, std::size_t> numbers_;
  std::vector<Sums> sums_;
  std::unordered_map<std::uint64_t, Open> open_;  // by task
  std::size_t snapshots_ = 0;
  std::uint64_t first_ns_ = 0;
  std::uint64_t last_ns_ = 0;
  bool curves_kept_ = false;
  std::vector<Change> changes_;
  std::vector<std::uint64_t> last_in_flight_;  // by site, of the last change
  std::uint64_t points_over_ = 0;
};

}  // namespace aiotrace::model

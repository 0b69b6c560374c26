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

/// Where tasks wait: the innermost line of the program itself, the coroutine of the task, and what it waits for.
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
  std::uint64_t await = 0;  ///< the same while the task is in the same await
  std::size_t site = 0;     ///< number from AwaitTable::site()
};

/// The data of a site. An await that is shorter than the time between two snapshots is only seen by chance, in
/// proportion to its length. total_ns is still right; the other values are estimates then.
struct AwaitRow {
  AwaitSite site;
  std::uint64_t in_flight = 0;  ///< waiting tasks in the last snapshot
  std::uint64_t count = 0;      ///< number of awaits that were seen
  std::uint64_t snapshots = 0;  ///< number of times that an await was seen
  std::uint64_t total_ns = 0;
  std::uint64_t error_ns = 0;  ///< error of total_ns, ± (two standard deviations)
  /// Total / count, and never more than the longest. Nothing if it contradicts the observations: then there are more
  /// awaits than were counted.
  std::optional<std::uint64_t> mean_ns;
  std::uint64_t longest_ns = 0;  ///< lower bound for one await: from its first to its last observation
  bool estimate = false;         ///< most awaits are too short to be all seen: count is a lower, mean an upper bound
};

/// The number of tasks that waited at a site, each time it changed.
struct AwaitCurve {
  struct Point {
    std::uint64_t time_ns = 0;  ///< of the snapshot
    std::uint64_t in_flight = 0;
    bool operator==(const Point&) const = default;
  };
  AwaitSite site;
  std::vector<Point> points;  ///< in the order of time; before the first point it was 0
};

class AwaitTable {
 public:
  /// Points of all curves together (some 5 MB); further points are only counted.
  static constexpr std::size_t kMaxPoints = 200'000;

  /// From now on, changes are recorded for curves().
  void keep_curves() { curves_kept_ = true; }
  /// The `most` sites with the largest total, in this order.
  [[nodiscard]] std::vector<AwaitCurve> curves(std::size_t most) const;
  [[nodiscard]] std::uint64_t points_over() const { return points_over_; }

  /// A number for a site, the same for equal ones.
  [[nodiscard]] std::size_t site(const AwaitSite& site);

  /// The two sites turned out to be the same: past and future observations of `from` count for `to`.
  void merge(std::size_t from, std::size_t to);

  /// All tasks that wait at `taken_ns` (CLOCK_MONOTONIC, rising), read until `read_ns`. Each task must occur once.
  void add_snapshot(std::uint64_t taken_ns, std::uint64_t read_ns, std::span<const AwaitSeen> seen);

  [[nodiscard]] std::size_t snapshots() const { return snapshots_; }
  /// The time of the first snapshot.
  [[nodiscard]] std::uint64_t first_ns() const { return first_ns_; }
  /// The time from the first snapshot to the last.
  [[nodiscard]] std::uint64_t watched_ns() const { return last_ns_ - first_ns_; }
  /// By total time, largest first; sites where nothing was seen are left out.
  [[nodiscard]] std::vector<AwaitRow> rows() const;

 private:
  static constexpr std::size_t kItself = ~std::size_t{0};
  struct Sums {
    std::size_t merged_into = kItself;
    double total_ns = 0;
    double variance = 0;  // variance of total_ns, as if each await were shorter than the time between snapshots
    std::uint64_t in_flight = 0;
    std::uint64_t count = 0;
    std::uint64_t seen_once = 0;  // of the ended awaits
    std::uint64_t ended = 0;
    std::uint64_t snapshots = 0;
    std::uint64_t longest_ns = 0;
  };
  struct Open {  // an await that is not over
    std::uint64_t await = 0;
    std::size_t site = 0;
    std::uint64_t first_ns = 0;  // end of the snapshot that saw it first: it may have begun during that snapshot
    std::uint64_t times = 0;
    std::size_t snapshot = 0;  // the last snapshot that saw it
  };
  [[nodiscard]] std::size_t resolve(std::size_t site) const;
  void end(const Open& open, std::uint64_t last_seen_ns);

  struct Change {
    std::uint64_t time_ns = 0;
    std::size_t site = 0;  // site at that time
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

// The number of leaked objects at each place, scan by scan.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "model/leaks.h"

namespace aiotrace::model {

/// The findings of one scan at a place; leaks and candidates together.
struct LeakPoint {
  std::uint64_t scan = 0;
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
  bool operator==(const LeakPoint&) const = default;
};

/// A scan of one process as a whole.
struct ScanPoint {
  LeakScan scan;
  std::uint64_t leaks = 0;
  std::uint64_t candidates = 0;
};

/// A place and its course over the scans. Its data are from the last scan that found it.
struct LeakCourse {
  Leak last;                      ///< its leaks if there are some, else its candidates
  std::uint64_t leaks = 0;        ///< in that scan
  std::uint64_t candidates = 0;   ///< likewise
  std::uint64_t bytes = 0;        ///< of both
  bool gone = false;              ///< set if the last scan of its process did not find it
  std::vector<LeakPoint> points;  ///< points of the scans that are kept and found it
};

class LeakHistory {
 public:
  /// Scans of a process beyond this number are thinned: every second one is dropped, except the last.
  static constexpr std::size_t kMaxScans = 120;
  /// Places beyond this number are not tracked.
  static constexpr std::size_t kMaxPlaces = 2'000;

  /// One scan of a process and all that it found. Their numbers rise.
  void add(const LeakScan& scan, const std::vector<Leak>& leaks);

  /// Places of the last scan first, then leaks before candidates, then the largest.
  [[nodiscard]] std::vector<LeakCourse> courses() const;
  /// Of all processes, in the order in which they were added.
  [[nodiscard]] const std::vector<ScanPoint>& scans() const { return scans_; }
  [[nodiscard]] bool thinned() const { return thinned_; }                   ///< some scans were dropped
  [[nodiscard]] std::uint64_t places_over() const { return places_over_; }  ///< times that a place was not tracked

 private:
  using Key = std::tuple<std::uint32_t, LeakClass, std::string>;
  struct Process {
    std::uint64_t last_scan = 0;
    std::uint64_t kept = 0;
    std::uint64_t every = 1;  // scans with such numbers are kept
  };
  static Key key_of(const Leak& leak);
  void thin(std::uint32_t pid, Process& process);

  std::map<Key, LeakCourse> places_;
  std::map<std::uint32_t, Process> processes_;
  std::vector<ScanPoint> scans_;
  std::uint64_t places_over_ = 0;
  bool thinned_ = false;
};

}  // namespace aiotrace::model

// The stalls of a run, limited to what a file for people may hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/stall.h"

namespace aiotrace::model {

/// A stall that is only a mark on the time line.
struct BriefStall {
  std::uint64_t id = 0;
  std::uint64_t start_ns = 0;  ///< CLOCK_MONOTONIC
  std::uint64_t duration_ns = 0;
  std::uint32_t pid = 0;
  std::uint32_t tid = 0;
  Cause cause = Cause::other;  ///< the cause with the largest share
  bool error = false;
  bool unfinished = false;
};

/// Keeps the longest kMaxStalls stalls, and the details of the longest kMaxDetailed of them (the largest kMaxSegments
/// segments of each, kMaxFrames frames of a stack). Each stall must be added once: when it has ended, or as unfinished.
class StallLog {
 public:
  static constexpr std::size_t kMaxStalls = 20'000;
  static constexpr std::size_t kMaxDetailed = 1'000;
  static constexpr std::size_t kMaxSegments = 16;
  static constexpr std::size_t kMaxFrames = 64;

  void add(const Stall& stall);

  [[nodiscard]] std::uint64_t seen() const { return seen_; }
  /// Sorted by start.
  [[nodiscard]] std::vector<BriefStall> all() const;
  /// Longest first.
  [[nodiscard]] std::vector<Stall> detailed() const;

 private:
  std::uint64_t seen_ = 0;
  std::vector<BriefStall> brief_;  // a heap, the shortest in front
  std::vector<Stall> detailed_;    // likewise
};

}  // namespace aiotrace::model

// Makes segments from the recorded pieces of an iteration; they add up to its duration.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/cause.h"
#include "model/stacks.h"
#include "model/stall.h"

namespace aiotrace::model {

/// The key of a segment: two pieces of an iteration with equal keys are one segment.
struct SegmentKey {
  Cause cause = Cause::other;
  std::string syscall;
  StackRef stack;  ///< null: unknown
  std::optional<Culprit> culprit;
  bool operator==(const SegmentKey&) const = default;
};

struct SegmentKeyHash {
  std::size_t operator()(const SegmentKey& key) const;
};

/// The recorded pieces of one iteration, merged by key, at most kMaxKeys of them: further pieces are merged by cause,
/// without a stack.
class Pieces {
 public:
  struct Piece {
    SegmentKey key;
    std::uint64_t ns = 0;     ///< its time; on the CPU: the weight of its samples
    std::uint64_t count = 0;  ///< on the CPU: number of samples; else number of times
  };
  static constexpr std::size_t kMaxKeys = 4096;

  void add(SegmentKey key, std::uint64_t ns, std::uint64_t count);
  void clear();
  [[nodiscard]] const std::vector<Piece>& all() const { return pieces_; }  ///< in order of arrival

 private:
  std::vector<Piece> pieces_;
  std::unordered_map<SegmentKey, std::size_t, SegmentKeyHash> at_;
};

/// An iteration's exact sums as BPF keeps them. The on-CPU entries are not read: CPU time is the rest of the duration.
struct ExactTimes {
  std::uint64_t duration_ns = 0;
  std::array<std::uint64_t, kCauses> cause_ns{};
  std::array<std::uint32_t, kCauses> cause_count{};
};

struct SplitIteration {
  std::array<std::uint64_t, kCauses> cause_ns{};  ///< adds up to the duration
  std::vector<Segment> segments;                  ///< largest first, at most kMaxSegments; adds up per cause
  std::uint64_t on_cpu_ns = 0;
};

inline constexpr std::size_t kMaxSegments = 64;

/// Splits the duration. Exact time of a cause that no piece covers becomes a segment without a stack; pieces
/// beyond the exact time are scaled down to it; exact times beyond the duration are scaled down to that. On-CPU time
/// goes to the samples by their weight; without any it is one `python` segment with count 0 and no stack.
[[nodiscard]] SplitIteration split_iteration(const ExactTimes& exact, const Pieces& pieces);

}  // namespace aiotrace::model

// Stacks with weights: the data of flame graphs, speedscope and pprof files, for any measurement.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/stall.h"

namespace aiotrace::model {

/// A frame of the program, or a mark of aiotrace between frames: "[network]", "[no stack]".
struct WeightedFrame {
  enum class Kind : std::uint8_t { python, native, kernel, mark };
  Kind kind = Kind::python;
  std::string function;    ///< valid UTF-8, at most WeightedStacks::kMaxName bytes; never empty
  std::string file;        ///< likewise; empty: unknown
  std::uint32_t line = 0;  ///< 0: unknown
  bool operator==(const WeightedFrame&) const = default;
};

template <>
struct Names<WeightedFrame::Kind> {
  static constexpr std::array<std::string_view, 4> list{"python", "native", "kernel", "mark"};
};

/// The frame as it is stored: names made valid and, if longer than kMaxName, cut with "…".
[[nodiscard]] WeightedFrame weighted_frame(const Frame& frame);
[[nodiscard]] WeightedFrame mark_frame(std::string_view text);

/// Equal stacks are added up, and frames stored once. At most `max_stacks` stacks with kMaxDepth frames each: further
/// stacks are added up under the mark "[other stacks]", and outer frames beyond the depth are replaced by "[too deep]".
class WeightedStacks {
 public:
  enum class Unit : std::uint8_t { nanoseconds, count };
  struct Stack {
    std::vector<std::uint32_t> frames;  ///< root first: indices into frames()
    std::uint64_t weight = 0;           ///< in `unit`
    std::uint64_t times = 0;            ///< how often: number of segments, samples, awaits
  };
  static constexpr std::size_t kMaxStacks = 20'000;
  static constexpr std::size_t kMaxDepth = 256;
  static constexpr std::size_t kMaxName = 1024;

  /// `what` describes the weights ("stalled time") and `times` the counts ("segments"): both are shown.
  WeightedStacks(std::string what, std::string times, Unit unit, std::size_t max_stacks = kMaxStacks)
      : what_(std::move(what)), times_(std::move(times)), unit_(unit), max_stacks_(max_stacks) {}

  void add(std::span<const WeightedFrame> root_first, std::uint64_t weight, std::uint64_t times);

  [[nodiscard]] const std::string& what() const { return what_; }
  [[nodiscard]] const std::string& times() const { return times_; }
  [[nodiscard]] Unit unit() const { return unit_; }
  [[nodiscard]] const std::vector<WeightedFrame>& frames() const { return frames_; }  ///< in order of arrival
  [[nodiscard]] const std::vector<Stack>& stacks() const { return stacks_; }          ///< likewise
  [[nodiscard]] std::uint64_t total() const { return total_; }                        ///< of the weights
  [[nodiscard]] std::uint64_t over() const { return over_; }  ///< number of times that were added up as other stacks

  /// All its data, to be stored elsewhere.
  struct Parts {
    std::string what;
    std::string times;
    Unit unit = Unit::nanoseconds;
    std::uint64_t over = 0;
    std::vector<WeightedFrame> frames;
    std::vector<Stack> stacks;
  };
  [[nodiscard]] Parts parts() const;
  /// Nothing if they are invalid: an index beyond the frames, or more stacks than allowed.
  [[nodiscard]] static std::optional<WeightedStacks> of(Parts parts);

 private:
  struct Hash {
    std::size_t operator()(const WeightedFrame& frame) const;
    std::size_t operator()(const std::vector<std::uint32_t>& frames) const;
  };
  std::uint32_t index_of(const WeightedFrame& frame);

  std::string what_;
  std::string times_;
  Unit unit_;
  std::size_t max_stacks_;
  std::uint64_t total_ = 0;
  std::uint64_t over_ = 0;
  std::vector<WeightedFrame> frames_;
  std::vector<Stack> stacks_;
  std::unordered_map<WeightedFrame, std::uint32_t, Hash> frame_at_;
  std::unordered_map<std::vector<std::uint32_t>, std::size_t, Hash> stack_at_;
};

template <>
struct Names<WeightedStacks::Unit> {
  static constexpr std::array<std::string_view, 2> list{"nanoseconds", "count"};
};

/// The segments of a stall: its stack, then the marks "[cause]" and, where there is one, "[system call]". A stack whose
/// outer frames are missing starts at "[unreadable]" or "[too deep]", a segment without one at "[no stack]".
void add_stall(WeightedStacks& stacks, const Stall& stall);

}  // namespace aiotrace::model
